-- migrate:up transaction:false

-- The condition always holds, and whatever compares `account` implies it. It keeps the planner from this index wherever a
-- statement does not: on a table that has just been empty, it would take it for all that an app has.
-- Alone, since with a second statement it would be in a transaction. Not `if not exists`: an index that an interrupted
-- run left behind is of no use, and is dropped by hand before this is tried again.
-- squawk-ignore prefer-robust-stmts, require-lock-timeout, require-statement-timeout
create index concurrently binding_by_account
on binding.binding (access_id, account_type, account) where account is not null;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
