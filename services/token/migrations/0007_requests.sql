-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Calls that made something and may be made again within a day (AIP-155), with what they were answered. Who makes one
-- holds the domain's row, so that the first of two is seen by the second.
create table token.request (
    domain_id text not null,
    request_id uuid not null,
    made_at timestamptz not null,
    -- SHA-256 of the RPC, its caller and its content.
    content_hash bytea not null,
    -- Encrypted, since it may have a secret in it.
    answer bytea not null,
    primary key (domain_id, request_id, made_at)
) partition by range (made_at);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
