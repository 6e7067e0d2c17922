-- migrate:up transaction:false

-- Links that are open accounts: by provider, in the order of their ids. Not unique, though they are: two who link the same
-- identity at once would meet here, where ON CONFLICT does not look.
-- Alone, since with a second statement it would be in a transaction. Not `if not exists`: an index that an interrupted
-- run left behind is of no use, and is dropped by hand before this is tried again.
-- squawk-ignore prefer-robust-stmts, require-lock-timeout, require-statement-timeout
create index concurrently open_account_of_link on account.link (
    domain_id, split_part(identity_key, ':', 1), account.open_account_id(domain_id, identity_key)
) where type = 'custom';

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
