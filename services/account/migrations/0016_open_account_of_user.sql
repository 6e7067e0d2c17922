-- migrate:up transaction:false

-- Open accounts of a user.
create index concurrently open_account_of_user on account.open_account (domain_id, user_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
