-- migrate:up transaction:false

-- Open accounts of a project in the order of their ids.
-- Alone, since with a second statement it would be in a transaction. Not `if not exists`: an index that an interrupted
-- run left behind is of no use, and is dropped by hand before this is tried again.
-- squawk-ignore prefer-robust-stmts, require-lock-timeout, require-statement-timeout
create index concurrently open_account_of_project on account.open_account (domain_id, project_id, identity_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
