/** Databases as people have them, before anybody thought of row level security. */

export const projectManagement = `
  CREATE TABLE plans (id int PRIMARY KEY, name text UNIQUE, price_cents int);
  CREATE TABLE organizations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, slug text UNIQUE,
    plan_id int NOT NULL REFERENCES plans);
  CREATE TABLE users (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, email text UNIQUE,
    password_hash text);
  CREATE TABLE projects (id bigserial PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    created_by uuid NOT NULL REFERENCES users, name text);
  CREATE TABLE tasks (id bigserial PRIMARY KEY, project_id bigint NOT NULL REFERENCES projects ON DELETE CASCADE,
    parent_id bigint REFERENCES tasks, assignee_id uuid REFERENCES users, title text);
  CREATE TABLE comments (id bigserial PRIMARY KEY, task_id bigint NOT NULL REFERENCES tasks ON DELETE CASCADE,
    author_id uuid NOT NULL REFERENCES users, body text);
  CREATE TABLE labels (id bigserial PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations, name text);
  CREATE TABLE task_labels (task_id bigint REFERENCES tasks ON DELETE CASCADE, label_id bigint REFERENCES labels ON DELETE CASCADE,
    PRIMARY KEY (task_id, label_id));
  CREATE TABLE settings (organization_id uuid PRIMARY KEY REFERENCES organizations, theme text);
  CREATE TABLE attachments (id bigserial PRIMARY KEY, uploaded_by uuid NOT NULL REFERENCES users, task_id bigint NOT NULL REFERENCES tasks,
    url text);
  CREATE TABLE _prisma_migrations (id text PRIMARY KEY)`

/** No foreign keys to the tenants, as many ORMs leave it; companies are what customers work at, too. */
export const crm = `
  CREATE TABLE companies (id serial PRIMARY KEY, name text, subdomain text, stripe_customer_id text);
  CREATE TABLE users (id serial PRIMARY KEY, company_id int NOT NULL, email text, password_digest text);
  CREATE TABLE contacts (id serial PRIMARY KEY, company_id int NOT NULL, owner_id int REFERENCES users, email text);
  CREATE TABLE deals (id serial PRIMARY KEY, company_id int NOT NULL REFERENCES companies, contact_id int NOT NULL REFERENCES contacts,
    stage_id int);
  CREATE TABLE stages (id serial PRIMARY KEY, company_id int NOT NULL, name text);
  CREATE TABLE deal_notes (id serial PRIMARY KEY, deal_id int NOT NULL REFERENCES deals, user_id int REFERENCES users, body text);
  CREATE TABLE email_templates (id serial PRIMARY KEY, company_id int REFERENCES companies, body text);
  CREATE TABLE introductions (id serial PRIMARY KEY, from_company int NOT NULL REFERENCES companies,
    to_company int NOT NULL REFERENCES companies);
  CREATE TABLE job_queue (id serial PRIMARY KEY, payload jsonb, contact_id int);
  CREATE TABLE addresses (id serial PRIMARY KEY, street text, city text);
  ALTER TABLE contacts ADD COLUMN address_id int REFERENCES addresses;
  CREATE TABLE schema_migrations (version text PRIMARY KEY)`

export const shop = `
  CREATE TABLE currencies (code char(3) PRIMARY KEY, name text);
  CREATE TABLE countries (id int PRIMARY KEY, iso2 text UNIQUE, currency char(3) NOT NULL REFERENCES currencies);
  CREATE TABLE tax_zones (id int PRIMARY KEY, country_id int NOT NULL REFERENCES countries);
  CREATE TABLE stores (id bigint PRIMARY KEY, domain text UNIQUE, country_id int NOT NULL REFERENCES countries);
  CREATE TABLE products (store_id bigint NOT NULL REFERENCES stores, id bigint, title text, PRIMARY KEY (store_id, id));
  CREATE TABLE customers (id bigint PRIMARY KEY, store_id bigint NOT NULL REFERENCES stores, email text);
  CREATE TABLE orders (id bigint PRIMARY KEY, store_id bigint NOT NULL REFERENCES stores, customer_id bigint NOT NULL REFERENCES customers,
    currency char(3) NOT NULL REFERENCES currencies);
  CREATE TABLE order_items (order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE, line int, store_id bigint NOT NULL,
    product_id bigint NOT NULL, FOREIGN KEY (store_id, product_id) REFERENCES products (store_id, id), PRIMARY KEY (order_id, line));
  CREATE TABLE refunds (id bigint PRIMARY KEY, order_id bigint NOT NULL, line int NOT NULL,
    FOREIGN KEY (order_id, line) REFERENCES order_items);
  CREATE TABLE reviews (id bigint PRIMARY KEY, order_id bigint REFERENCES orders, customer_id bigint REFERENCES customers, stars int);
  CREATE TABLE store_referrals (store_id bigint NOT NULL REFERENCES stores, referred_store_id bigint NOT NULL REFERENCES stores)`

export const manyOrganisations = `
  CREATE TABLE "Organisation" (id text PRIMARY KEY, name text, "billingEmail" text);
  CREATE TABLE "User" (id text PRIMARY KEY, email text UNIQUE, name text, "lastOrganisationId" text REFERENCES "Organisation");
  CREATE TABLE "Membership" (id text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User", "organisationId" text NOT NULL REFERENCES "Organisation",
    role text, UNIQUE ("userId", "organisationId"));
  CREATE TABLE "Session" (id text PRIMARY KEY, "userId" text NOT NULL REFERENCES "User");
  CREATE TABLE "Document" (id text PRIMARY KEY, "organisationId" text NOT NULL REFERENCES "Organisation", "ownerId" text NOT NULL REFERENCES "User");
  CREATE TABLE "Revision" (id text PRIMARY KEY, "documentId" text NOT NULL REFERENCES "Document", "authorId" text NOT NULL REFERENCES "User")`

export const blog = `
  CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, password_hash text);
  CREATE TABLE posts (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text);
  CREATE TABLE comments (id serial PRIMARY KEY, post_id int NOT NULL REFERENCES posts, user_id int NOT NULL REFERENCES users);
  CREATE TABLE tags (id serial PRIMARY KEY, name text UNIQUE);
  CREATE TABLE post_tags (post_id int REFERENCES posts, tag_id int REFERENCES tags, PRIMARY KEY (post_id, tag_id))`

/** Tenants within tenants: both could be what is meant. */
export const workspacesOfOrganizations = `
  CREATE TABLE organizations (id uuid PRIMARY KEY, slug text, billing_email text);
  CREATE TABLE workspaces (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations);
  CREATE TABLE users (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations);
  CREATE TABLE invoices (id uuid PRIMARY KEY, organization_id uuid NOT NULL REFERENCES organizations);
  CREATE TABLE boards (id uuid PRIMARY KEY, workspace_id uuid NOT NULL REFERENCES workspaces);
  CREATE TABLE channels (id uuid PRIMARY KEY, workspace_id uuid NOT NULL REFERENCES workspaces);
  CREATE TABLE files (id uuid PRIMARY KEY, workspace_id uuid NOT NULL REFERENCES workspaces)`
