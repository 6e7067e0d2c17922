-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

create sequence account.feed_seq;

-- What became of links: a feed (services/runtime/feed).
create table account.link_event (
    domain_id text not null,
    -- UUIDv7.
    event_id uuid not null,
    seq bigint not null default nextval('account.feed_seq'),
    xid xid8 not null default pg_current_xact_id(),
    kind text not null check (kind in ('linked', 'unlinked')),
    type text not null,
    identity_key text not null,
    identity text not null,
    extra text not null,
    user_id text not null,
    -- Whose deed it was: a user, an app, an access key.
    actor text not null,
    primary key (domain_id, event_id)
) partition by range (event_id);

create index link_event_xid on account.link_event (xid);

-- Users whom token has deleted: what was under way to them links nothing any more.
create table account.gone_user (
    domain_id text not null,
    user_id text not null,
    gone_at timestamptz not null,
    primary key (domain_id, user_id)
);

-- The lock on a user: who links to it shares it; who takes its links away, or moves them, holds it alone.
create function account.user_lock(p_domain_id text, p_user_id text) returns bigint
language sql immutable parallel safe as $$ select hashtextextended(p_domain_id || '/' || p_user_id, 0) $$;

-- Takes the locks on users, each for itself alone: whoever links to one of them has ended, or waits. In one order whoever
-- comes, that of the locks themselves.
create function account.lock_users(p_domain_ids text[], p_user_ids text[]) returns void
language plpgsql as $$
declare
    key bigint;
begin
    for key in
        select distinct account.user_lock(u.domain_id, u.user_id) as of_user
        from unnest(p_domain_ids, p_user_ids) u (domain_id, user_id)
        order by of_user
    loop
        perform pg_advisory_xact_lock(key);
    end loop;
end
$$;

-- Links an identity to a user unless it is linked. Verdicts: `linked`; `kept` (this user's already, nothing changed);
-- `taken` (another user's); `gone` (the user was deleted).
--
-- Whoever takes all links of a user away, or moves them, takes the lock on the user for itself: a link is there before it,
-- or is refused after it.
create function account.link_identity(
    p_domain_id text,
    p_type text,
    p_identity_key text,
    p_identity text,
    p_extra text,
    p_user_id text,
    p_now timestamptz,
    p_event_id uuid,
    p_actor text
) returns text
language plpgsql
as $$
declare
    is_new boolean;
begin
    perform pg_advisory_xact_lock_shared(account.user_lock(p_domain_id, p_user_id));
    if exists (select from account.gone_user g where g.domain_id = p_domain_id and g.user_id = p_user_id) then
        return 'gone';
    end if;
    -- A link of the same user is written again unchanged, to be found by the statement that waited for it; another user's
    -- is not touched, and no row comes back.
    insert into account.link as l (domain_id, type, identity_key, identity, extra, user_id, created_at)
    values (p_domain_id, p_type, p_identity_key, p_identity, p_extra, p_user_id, p_now)
    on conflict (domain_id, type, identity_key) do update set user_id = excluded.user_id
    where l.user_id = excluded.user_id
    returning xmax = 0 into is_new;
    if is_new is null then
        return 'taken';
    end if;
    if not is_new then
        return 'kept';
    end if;
    insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
    values (p_domain_id, p_event_id, 'linked', p_type, p_identity_key, p_identity, p_extra, p_user_id, p_actor);
    return 'linked';
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
