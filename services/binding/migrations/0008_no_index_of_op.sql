-- migrate:up transaction:false

-- What it was for, the index of 0007 does, which no change of `op` touches.
-- squawk-ignore require-lock-timeout, require-statement-timeout
drop index concurrently if exists binding.binding_of_account;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
