-- migrate:up transaction:false

-- For what becomes of all that is a user's. One statement, since several would be a transaction. Not `if not exists`: an
-- index that an interrupted run left behind is of no use, and is dropped by hand before this is tried again.
-- squawk-ignore prefer-robust-stmts, require-lock-timeout, require-statement-timeout
create index concurrently open_account_of_user on account.open_account (domain_id, user_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
