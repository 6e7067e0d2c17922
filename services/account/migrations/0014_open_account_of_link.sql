-- migrate:up transaction:false

-- An open account that is a link, by its id; and all of them in the order of their ids.
create unique index concurrently open_account_of_link on account.link (
    domain_id, account.open_account_id(domain_id, identity_key)
) where type = 'custom';

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
