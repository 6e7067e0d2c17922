-- migrate:up transaction:false

-- The open accounts of a user. Most are nobody's.
-- Alone, since with a second statement it would be in a transaction.
-- squawk-ignore require-lock-timeout, require-statement-timeout
create index concurrently if not exists open_account_of_user on account.open_account (domain_id, user_id)
where user_id <> '';

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
