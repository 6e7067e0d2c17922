-- migrate:up transaction:false

-- Open accounts of a project in the order of their ids.
create index concurrently open_account_of_project on account.open_account (domain_id, project_id, identity_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
