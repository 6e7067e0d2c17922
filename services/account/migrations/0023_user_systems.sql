-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

alter table account.domain_settings
    -- What becomes of who logs on with an identity that no user has: `create`, `link_or_create`, `link`, `refuse`.
    add column first_logon text not null default 'create',
    -- How the logon pages look; each may be empty.
    add column page_name text not null default '',
    add column page_logo_url text not null default '',
    add column page_accent_color text not null default '';

-- Where people are proven who log on to a domain. No row of a domain: by mobile number and email address.
create table account.user_system (
    domain_id text not null,
    user_system_id uuid not null,
    -- Of the identities that it proves, too.
    type text not null,
    display_name text not null,
    enabled boolean not null,
    link_only boolean not null,
    -- Whether it may be asked in a network of ours.
    private_addresses boolean not null,
    -- By the names of services/account/model/user_systems.py, where each type has its own. A name that is absent has its
    -- default, one that nobody knows is passed over: versions before and after write here, too.
    settings jsonb not null,
    -- What we prove ourselves by there, sealed for `{domain_id}/{user_system_id}`. Null: nothing.
    secret bytea,
    created_at timestamptz not null,
    updated_at timestamptz,
    version bigint not null default 1,
    -- The call that made it, where that brought a request id: the id, and SHA-256 of caller and content but the secret.
    made_by bytea,
    primary key (domain_id, user_system_id)
);

-- One of each type; of type `custom`, whose settings alone have an issuer, one of each issuer.
create unique index user_system_once on account.user_system (domain_id, type, (coalesce(settings ->> 'issuer', '')));

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
