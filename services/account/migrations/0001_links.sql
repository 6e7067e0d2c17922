-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Who an identity belongs to. The primary key holds what matters most: one identity, one user, per domain and type.
create table account.link (
    domain_id text not null,
    type text not null,
    -- The identity as it is compared: E.164, an address without case, the trimmed text.
    identity_key text not null,
    -- The identity as it was given.
    identity text not null,
    -- Country code of a mobile number.
    extra text not null default '',
    user_id text not null,
    -- Empty: the identity itself.
    display_name text not null default '',
    created_at timestamptz not null,
    -- Null: never used to log on.
    last_login_at timestamptz,
    status text not null default 'normal',
    primary key (domain_id, type, identity_key)
);

create index link_of_user on account.link (domain_id, user_id, created_at);

-- migrate:down
-- Forward only.
