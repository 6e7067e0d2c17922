-- migrate:up transaction:false

-- Which users have been gone for long enough to be forgotten, too.
-- Alone, since with a second statement it would be in a transaction.
-- squawk-ignore require-lock-timeout, require-statement-timeout
create index concurrently if not exists gone_user_by_age on account.gone_user (gone_at);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
