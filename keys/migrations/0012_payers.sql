-- Customers: accounts that requests name. Like keys, they may refer to a budget.
ALTER TABLE account ADD COLUMN budget_id TEXT;

CREATE INDEX account_budget ON account (budget_id);
