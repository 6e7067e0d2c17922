-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Every primary key begins with the tenant, but for that of `credential`.

create table token.domain (
    domain_id text primary key,
    -- Base URL: `iss` and `aud` of its access tokens. Unique through `credential`.
    issuer text not null,
    -- Scopes of tokens that are got through an access key, which has no list of its own.
    scopes text[] not null,
    impersonate_superadmins boolean not null default false,
    created_at timestamptz not null
);

-- Whose an id is. Ids of apps, access keys and push apps, and issuers, are unique over all domains. Rows never change.
create table token.credential (
    id text primary key,
    domain_id text not null,
    kind text not null check (kind in ('app', 'access_key', 'push_app', 'issuer'))
);

create table token.app (
    domain_id text not null,
    client_id text not null,
    name text not null,
    type text not null check (type in ('web_server', 'web_browser', 'native', 'jwt', 'service')),
    admitted boolean not null default false,
    redirect_uris text[] not null,
    scopes text[] not null,
    permissions text[] not null,
    push_access_ids bigint[] not null,
    -- SHA-256 of its secrets: two live at once while one replaces the other.
    secret_hashes bytea[] not null check (cardinality(secret_hashes) <= 2),
    -- How long, and how often, the last refresh token is answered again. 0 turns it off.
    grace interval not null default '30 seconds' check (grace between '0' and '1 hour'),
    grace_repeats bigint not null default 10 check (grace_repeats >= 0),
    created_at timestamptz not null,
    primary key (domain_id, client_id)
);

-- Public keys that verify an app's assertions.
create table token.trusted_key (
    domain_id text not null,
    client_id text not null,
    -- Its RFC 7638 thumbprint.
    key_id text not null,
    algorithm text not null check (algorithm in ('RS256', 'ES256', 'EdDSA')),
    -- SubjectPublicKeyInfo, DER.
    public_key bytea not null,
    enabled boolean not null default true,
    created_at timestamptz not null,
    primary key (domain_id, client_id, key_id)
);

create table token.access_key (
    domain_id text not null,
    access_key_id text not null,
    -- Encrypted.
    secret bytea not null,
    permissions text[] not null,
    enabled boolean not null default true,
    created_at timestamptz not null,
    primary key (domain_id, access_key_id)
);

create sequence token.push_access_id as bigint start with 1500000001;

create table token.push_app (
    domain_id text not null,
    access_id bigint not null,
    name text not null,
    -- Encrypted.
    secret bytea not null,
    tokens_per_account bigint not null check (tokens_per_account between 1 and 1000),
    append_enabled boolean not null,
    enabled boolean not null default true,
    created_at timestamptz not null,
    primary key (domain_id, access_id)
);

create table token.app_user (
    domain_id text not null,
    user_id text not null,
    user_name text not null,
    nick_name text not null,
    avatar text not null,
    default_drive_id text not null,
    role text not null check (role in ('user', 'admin', 'superadmin')),
    status text not null check (status in ('enabled', 'disabled')),
    created_at timestamptz not null,
    -- When the user was given a token for the first time.
    first_token_at timestamptz,
    primary key (domain_id, user_id)
);

-- One row a session, updated in place. It carries what a token says of its user, rewritten when the user changes, so
-- that a refresh reads nothing else. The id is a UUIDv7: its time never changes, unlike `expires_at`.
create table token.session (
    domain_id text not null,
    session_id uuid not null,
    client_id text not null,
    user_id text not null,
    -- SHA-256 of the secret in its refresh tokens.
    secret_hash bytea not null,
    -- Of the refresh token that may be used next.
    generation bigint not null default 1,
    created_at timestamptz not null,
    rotated_at timestamptz not null,
    grace_uses bigint not null default 0,
    expires_at timestamptz not null,
    absolute_at timestamptz not null,
    revoked_at timestamptz,
    scopes text[] not null,
    -- The highest role that its tokens may have; absent: the user's.
    role_cap text,
    -- Who acts for the user; absent: the user itself.
    actor text,
    device_id text not null,
    device_name text not null,
    user_name text not null,
    nick_name text not null,
    avatar text not null,
    default_drive_id text not null,
    user_role text not null,
    user_status text not null,
    primary key (domain_id, session_id)
) partition by range (session_id);

create index session_by_user on token.session (domain_id, user_id);

create table token.authorization_code (
    domain_id text not null,
    code_id uuid not null,
    -- SHA-256 of its secret.
    code_hash bytea not null,
    client_id text not null,
    redirect_uri text not null,
    user_id text not null,
    scopes text[] not null,
    -- PKCE, S256. Absent: none was asked for.
    code_challenge text,
    nonce text not null,
    device_id text not null,
    device_name text not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    -- The session that was made from it.
    session_id uuid,
    primary key (domain_id, code_id)
) partition by range (code_id);

-- Assertions that were accepted: each is so once. Partitioned by what the assertion itself says.
create table token.used_assertion (
    domain_id text not null,
    client_id text not null,
    -- SHA-256 of its `jti`.
    assertion_id bytea not null,
    expires_at timestamptz not null,
    primary key (domain_id, client_id, assertion_id, expires_at)
) partition by range (expires_at);

create table token.signing_key (
    domain_id text not null,
    key_id text not null,
    use text not null check (use in ('access', 'edge', 'refresh')),
    algorithm text not null check (algorithm in ('RS256', 'ES256', 'HS256')),
    -- `active` signs and verifies, `retiring` verifies, `retired` does neither.
    state text not null check (state in ('active', 'retiring', 'retired')),
    -- SubjectPublicKeyInfo, DER; absent for a symmetric key.
    public_key bytea,
    -- Encrypted: PKCS #8, DER, or the bytes of a symmetric key.
    private_key bytea not null,
    created_at timestamptz not null,
    -- Raised with every change: the sum over all keys tells whether there was one.
    version bigint not null default 1,
    primary key (domain_id, key_id)
);

create table token.audit (
    domain_id text not null,
    -- UUIDv7: when it happened.
    event_id uuid not null,
    event text not null,
    client_id text,
    user_id text,
    session_id uuid,
    actor text,
    proof_method text,
    proof_identity text,
    detail text,
    primary key (domain_id, event_id)
) partition by range (event_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
