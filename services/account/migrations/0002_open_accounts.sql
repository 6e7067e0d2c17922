-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- A set of open accounts.
create table account.project (
    domain_id text not null,
    project_id text not null,
    name text not null,
    created_at timestamptz not null,
    primary key (domain_id, project_id)
);

-- Identities of a project's own user system.
create table account.open_account (
    domain_id text not null,
    identity_id uuid not null,
    project_id text not null,
    idp text not null,
    -- The provider's id of the account.
    open_id text not null,
    -- Empty: no user's.
    user_id text not null default '',
    display_name text not null default '',
    login_id text not null default '',
    mobile text not null default '',
    region text not null default '',
    -- The credential that made it.
    create_access_key text not null,
    -- 0: normal, 1: disabled.
    status bigint not null default 0,
    -- 1: brought by a third party's user system.
    type bigint not null default 1,
    created_at timestamptz not null,
    primary key (domain_id, identity_id),
    unique (domain_id, project_id, idp, open_id),
    foreign key (domain_id, project_id) references account.project (domain_id, project_id)
);

-- migrate:down
-- Forward only.
