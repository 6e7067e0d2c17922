-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What an operator may set. `version` rises with every change: it is what an etag shows.

alter table token.domain
    add column name text not null default '',
    add column algorithm text not null default 'RS256' check (algorithm in ('RS256', 'ES256', 'EdDSA')),
    -- How long a key signs before the next one takes its place.
    add column rotation_period interval not null default '90 days' check (rotation_period >= '1 hour'),
    -- How long audit rows are kept.
    add column audit_retention interval not null default '360 days'
        check (audit_retention between '1 day' and '360 days'),
    -- Limits; absent: none.
    add column grants_per_second bigint check (grants_per_second > 0),
    add column max_users bigint check (max_users > 0),
    add column max_apps bigint check (max_apps > 0),
    add column version bigint not null default 1,
    add column updated_at timestamptz;

alter table token.app
    add column description text not null default '',
    add column logo text not null default '',
    -- How long a session lives that nobody uses, and at the most; absent: as the service is set.
    add column session_idle interval check (session_idle between '1 minute' and '180 days'),
    add column session_lifetime interval check (session_lifetime between '1 minute' and '180 days'),
    -- Whether the last refresh token is answered again until its successor was used, however long that takes.
    add column repeat_until_used boolean not null default false,
    -- Header `typ` of its access tokens.
    add column token_type text not null default 'JWT' check (token_type in ('JWT', 'at+jwt')),
    -- Sessions that began until then are over: all of an app's at once, in one row.
    add column sessions_revoked_at timestamptz,
    add column version bigint not null default 1,
    add column updated_at timestamptz;

alter table token.access_key
    add column name text not null default '',
    add column version bigint not null default 1,
    add column updated_at timestamptz;

alter table token.push_app
    add column version bigint not null default 1,
    add column updated_at timestamptz;

alter table token.app_user
    add column description text not null default '',
    -- What its owner keeps with the user: a small object of strings.
    add column user_data jsonb not null default '{}' check (octet_length(user_data::text) <= 4096),
    add column version bigint not null default 1,
    add column updated_at timestamptz;

-- Feeds: read from snapshot to snapshot. `xid` tells which transaction wrote a row; `seq` is drawn while the row that
-- it speaks of is locked, and orders what is told of one subject.

create sequence token.feed_seq as bigint;

-- Access tokens that are good no longer, though they have not expired. Kept as long as the longest may live.
create table token.revocation (
    domain_id text not null,
    -- UUIDv7.
    event_id uuid not null,
    seq bigint not null default nextval('token.feed_seq'),
    xid xid8 not null default pg_current_xact_id(),
    -- What `subject` is the id of. Of a user and an app: every token that was issued until `revoked_at`.
    kind text not null check (kind in ('session', 'user', 'app', 'key', 'token')),
    subject text not null,
    revoked_at timestamptz not null,
    primary key (domain_id, event_id)
) partition by range (event_id);

create index revocation_xid on token.revocation (xid);

-- What became of users, for services that keep data of theirs.
create table token.user_event (
    domain_id text not null,
    -- UUIDv7.
    event_id uuid not null,
    seq bigint not null default nextval('token.feed_seq'),
    xid xid8 not null default pg_current_xact_id(),
    user_id text not null,
    kind text not null check (kind in ('created', 'updated', 'deleted')),
    primary key (domain_id, event_id)
) partition by range (event_id);

create index user_event_xid on token.user_event (xid);

-- Processes of the previous version write to both, by the functions below, and make no partitions of them. These are
-- named and bounded as `Partitions` does it, and last until processes of this version are there, within a week.
do $$
declare
    part record;
begin
    for part in
        with today as (select (clock_timestamp() at time zone 'UTC')::date as day),
        spans (name, span, ahead) as (values ('revocation', 1, 8), ('user_event', 30, 2)),
        starts as (
            select s.name, s.span, t.day - mod(t.day - date '0001-01-01' + 1, s.span) + s.span * n as start
            from spans s, today t, generate_series(0, s.ahead) n
        )
        select
            s.name,
            format('%s_%s', s.name, to_char(s.start, 'YYYYMMDD')) as child,
            -- The lowest UUIDv7 of the day: its milliseconds, and nothing.
            rpad(lpad(to_hex((s.start - date '1970-01-01') * 86400000::bigint), 12, '0'), 32, '0') as lowest,
            rpad(lpad(to_hex((s.start + s.span - date '1970-01-01') * 86400000::bigint), 12, '0'), 32, '0') as beyond
        from starts s
    loop
        execute format(
            'create table token.%I partition of token.%I for values from (%L) to (%L)',
            part.child, part.name, part.lowest, part.beyond
        );
    end loop;
end
$$;

-- Of one user, for those who read the log, and for its erasure. Made ahead where there are rows, as every index `if not
-- exists` of a partitioned table: services/runtime/indexes.py.
-- squawk-ignore require-concurrent-index-creation
create index if not exists audit_by_user on token.audit (domain_id, user_id) where user_id is not null;

-- Who could administer everything before may do so by the finer permissions, too.
update token.app
set permissions = permissions || array[
    'token.user.read', 'token.user.write', 'token.user.watch', 'token.session', 'token.audit'
]
where 'token.admin' = any (permissions);

update token.app set permissions = permissions || array['token.domain']
where type = 'service' and 'token.admin' = any (permissions) and 'runtime.reflect' = any (permissions);

update token.app set permissions = permissions || array['token.user.watch']
where type = 'service' and 'token.mint' = any (permissions);

-- As before; what a second use ends, the revocations tell.
create or replace function token.redeem_code(
    p_domain_id text,
    p_code_id uuid,
    p_code_hash bytea,
    p_client_id text,
    p_redirect_uri text,
    p_code_challenge text,
    p_session_id uuid,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_event_id uuid
) returns token.opened_session
language plpgsql as $$
declare
    code token.authorization_code;
    opened token.opened_session;
begin
    update token.authorization_code c set used_at = p_now, session_id = p_session_id
    where c.domain_id = p_domain_id and c.code_id = p_code_id and c.code_hash = p_code_hash
        and c.client_id = p_client_id and c.used_at is null
    returning c.* into code;
    if found then
        opened.verdict := case
            when code.expires_at <= p_now then 'expired'
            when code.redirect_uri <> p_redirect_uri then 'redirect_uri'
            when code.code_challenge is distinct from p_code_challenge then 'challenge'
        end;
        if opened.verdict is null then
            opened := token.start_session(
                p_domain_id => p_domain_id, p_session_id => p_session_id, p_client_id => p_client_id,
                p_user_id => code.user_id, p_secret_hash => p_secret_hash, p_now => p_now,
                p_expires_at => p_expires_at, p_absolute_at => p_absolute_at, p_scopes => code.scopes,
                p_role_cap => null, p_actor => null, p_superadmins => true,
                p_device_id => code.device_id, p_device_name => code.device_name, p_event_id => p_event_id,
                p_event => 'authorization_code', p_proof_method => 'code', p_proof_identity => null
            );
            return opened;
        end if;
    else
        -- A new statement sees what the first use has committed.
        select c.* into code from token.authorization_code c
        where c.domain_id = p_domain_id and c.code_id = p_code_id and c.code_hash = p_code_hash
            and c.client_id = p_client_id;
        if not found then
            opened.verdict := 'unknown';
            return opened;
        end if;
        opened.verdict := 'replay';
        update token.session s set revoked_at = p_now
        where s.domain_id = p_domain_id and s.session_id = code.session_id and s.revoked_at is null;
        if found then
            insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
            values (p_domain_id, p_event_id, 'session', code.session_id::text, p_now);
        end if;
    end if;
    insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, detail)
    values (
        p_domain_id, p_event_id, 'authorization_code.refused', p_client_id, code.user_id, code.session_id,
        opened.verdict
    );
    return opened;
end
$$;

-- Uses a code up, as redeem_code, and answers the code's nonce beside the session. The type of the session stays as it
-- is: the previous version takes every attribute for one that it knows.
create function token.redeem_code_with_nonce(
    p_domain_id text,
    p_code_id uuid,
    p_code_hash bytea,
    p_client_id text,
    p_redirect_uri text,
    p_code_challenge text,
    p_session_id uuid,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_event_id uuid,
    out opened token.opened_session,
    out nonce text
)
language plpgsql as $$
begin
    opened := token.redeem_code(
        p_domain_id => p_domain_id, p_code_id => p_code_id, p_code_hash => p_code_hash, p_client_id => p_client_id,
        p_redirect_uri => p_redirect_uri, p_code_challenge => p_code_challenge, p_session_id => p_session_id,
        p_secret_hash => p_secret_hash, p_now => p_now, p_expires_at => p_expires_at, p_absolute_at => p_absolute_at,
        p_event_id => p_event_id
    );
    if opened.verdict = 'started' then
        select c.nonce into nonce from token.authorization_code c
        where c.domain_id = p_domain_id and c.code_id = p_code_id;
    end if;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
