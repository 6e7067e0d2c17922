-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What made a signed request the only one of its kind: each is accepted once. Partitioned by what the request itself
-- says. One that was signed close to midnight has a row in both days, so that its nonce is not good again in the other.
create table token.nonce (
    domain_id text not null,
    -- SHA-256 of the nonce; of the signature, where there is none.
    nonce_hash bytea not null,
    -- Midnight, in UTC.
    day timestamptz not null,
    primary key (domain_id, nonce_hash, day)
) partition by range (day);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
