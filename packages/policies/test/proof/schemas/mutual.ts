import type { ProofSchema } from './proof-schema.ts'

/** Foreign keys that lead in circles, with every action, and children within the circle. */
export const mutual: ProofSchema = {
  name: 'foreign keys in circles',
  setup: `
    CREATE TABLE tenants (id bigint PRIMARY KEY, main_department bigint, invited_by bigint REFERENCES tenants);
    CREATE TABLE departments (
      id bigint PRIMARY KEY,
      tenant_id bigint NOT NULL REFERENCES tenants DEFERRABLE,
      name text NOT NULL,
      head bigint,
      deputy bigint,
      parent bigint REFERENCES departments ON DELETE RESTRICT,
      referred_by_tenant bigint REFERENCES tenants ON DELETE SET NULL
    );
    CREATE TABLE employees (
      id bigint PRIMARY KEY,
      department_id bigint NOT NULL REFERENCES departments ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
      boss bigint REFERENCES employees ON DELETE SET NULL ON UPDATE CASCADE,
      badge text NOT NULL UNIQUE,
      lent_to bigint DEFAULT NULL REFERENCES departments ON DELETE SET DEFAULT ON UPDATE SET NULL
    );
    ALTER TABLE departments ADD CONSTRAINT head FOREIGN KEY (head) REFERENCES employees ON DELETE SET NULL DEFERRABLE;
    ALTER TABLE departments ADD CONSTRAINT deputy FOREIGN KEY (deputy) REFERENCES employees (id) NOT VALID;
    ALTER TABLE tenants ADD CONSTRAINT main_department FOREIGN KEY (main_department) REFERENCES departments;
    CREATE TABLE badges (
      badge text REFERENCES employees (badge) ON UPDATE CASCADE ON DELETE CASCADE,
      employee_id bigint NOT NULL UNIQUE REFERENCES employees ON DELETE CASCADE,
      colour text
    );
    INSERT INTO tenants VALUES (1), (2), (3);
    INSERT INTO departments SELECT id * 10, id, 'department' FROM tenants;
    INSERT INTO departments SELECT id * 10 + 1, id, 'part', NULL, NULL, id * 10 FROM tenants;
    INSERT INTO employees SELECT id, id, NULL, 'badge ' || id, id FROM departments;
    UPDATE departments SET head = id, deputy = id;
    UPDATE employees SET boss = id;
    UPDATE tenants SET main_department = id * 10, invited_by = 1;
    INSERT INTO badges SELECT badge, id, 'red' FROM employees;`,
  tenancy: {
    tenantTable: 'tenants',
    tables: {
      employees: { kind: 'child', through: 'department_id' },
      badges: { kind: 'child', through: 'employee_id' },
    },
  },
}
