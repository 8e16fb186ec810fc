import type { ProofSchema } from './proof-schema.ts'

/** Every kind of key, and options other than the defaults. */
export const keys: ProofSchema = {
  name: 'keys of all kinds',
  setup: `
    CREATE SCHEMA accounts;
    CREATE SCHEMA crm;
    CREATE TABLE accounts.companies (id smallint PRIMARY KEY, slug text NOT NULL UNIQUE, domain text);
    CREATE UNIQUE INDEX companies_domain ON accounts.companies (lower(domain)) WHERE domain IS NOT NULL;
    CREATE TABLE crm.people (
      id bigint GENERATED ALWAYS AS IDENTITY,
      company_id smallint NOT NULL REFERENCES accounts.companies,
      email text NOT NULL,
      phone text,
      phone_type text,
      nickname text,
      initial text GENERATED ALWAYS AS (left(email, 1)) STORED,
      CONSTRAINT people_key PRIMARY KEY (id) INCLUDE (email),
      CONSTRAINT people_email UNIQUE (email),
      CONSTRAINT people_phone UNIQUE (phone, phone_type),
      CONSTRAINT people_letter UNIQUE (initial, id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE UNIQUE INDEX people_nickname ON crm.people (lower(nickname) DESC NULLS LAST, phone) INCLUDE (email)
      WHERE nickname <> '';
    CREATE UNIQUE INDEX people_hidden ON crm.people (nickname COLLATE "C" text_pattern_ops) WITH (fillfactor = 70);
    CREATE TABLE crm.logins (
      email text NOT NULL REFERENCES crm.people (email) ON UPDATE CASCADE,
      at timestamptz NOT NULL,
      company_id smallint NOT NULL,
      PRIMARY KEY (at, email)
    );
    CREATE TABLE crm.calls (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      phone text,
      phone_type text,
      note text,
      person_id bigint NOT NULL REFERENCES crm.people,
      again_id bigint REFERENCES crm.people,
      CONSTRAINT called FOREIGN KEY (phone, phone_type) REFERENCES crm.people (phone, phone_type)
        MATCH FULL ON DELETE SET NULL
    );
    CREATE TABLE crm.templates (
      id integer PRIMARY KEY,
      company_id smallint REFERENCES accounts.companies,
      name text NOT NULL,
      UNIQUE (name),
      UNIQUE (company_id, id)
    );
    CREATE TABLE crm.mails (
      id integer PRIMARY KEY,
      company_id smallint NOT NULL,
      template_id integer NOT NULL REFERENCES crm.templates,
      UNIQUE (company_id, id)
    );
    CREATE TABLE crm.mail_opens (
      company_id smallint NOT NULL,
      mail_id integer NOT NULL,
      FOREIGN KEY (company_id, mail_id) REFERENCES crm.mails (company_id, id) ON DELETE CASCADE
    );
    CREATE TABLE crm.bare (company_id smallint NOT NULL, text text);
    INSERT INTO accounts.companies VALUES (1, 'one', 'one.example'), (2, 'two', NULL);
    INSERT INTO crm.people (company_id, email, phone, phone_type, nickname)
      SELECT id, slug || number || '@example', number::text || slug, 'home', slug || number
      FROM accounts.companies, generate_series(1, 3) AS number;
    INSERT INTO crm.logins SELECT email, '2026-01-01', company_id FROM crm.people;
    INSERT INTO crm.calls (phone, phone_type, person_id) SELECT phone, phone_type, id FROM crm.people;
    INSERT INTO crm.calls (person_id, again_id) SELECT id, id FROM crm.people;
    INSERT INTO crm.templates VALUES (1, NULL, 'common'), (2, 1, 'one'), (3, 2, 'two');
    INSERT INTO crm.mails VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 3);
    INSERT INTO crm.mail_opens SELECT company_id, id FROM crm.mails;
    INSERT INTO crm.bare VALUES (1, 'x'), (1, 'x'), (2, 'x');`,
  tenancy: {
    tenantTable: 'accounts.companies',
    tenantId: 'smallint',
    column: 'company_id',
    schemas: ['accounts', 'crm'],
    updateGrants: 'columns',
    roles: { system: 'tenantry_system' },
    tables: {
      people: { kind: 'tenant', globalKeys: ['people_email'] },
      calls: { kind: 'child', through: 'person_id' },
      templates: 'shared+tenant',
      mails: { kind: 'tenant', primaryKey: 'keep' },
    },
  },
}
