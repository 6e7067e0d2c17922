-- migrate:up transaction:false

-- For what becomes of all that is a user's. One that was interrupted is dropped by hand before this is tried again.
create index concurrently open_account_of_user on account.open_account (domain_id, user_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
