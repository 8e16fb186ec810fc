select distinct tenant_id::text as tenant from projects order by 1
