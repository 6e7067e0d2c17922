-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

alter table token.access_key
    -- Paths that its requests may be sent to, and networks that they may come from; none: all.
    add column paths text[] not null default '{}',
    add column networks cidr[] not null default '{}',
    -- Whether signatures of the scheme `acs` are refused, which does not cover the body.
    add column refuse_acs boolean not null default false;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
