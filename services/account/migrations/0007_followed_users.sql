-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- How far the feeds of others are followed. Not by tenant: a feed tells of all. What a message tells is done, and the
-- cursor behind it written, in one transaction that has locked this row.
create table account.followed_feed (
    feed text primary key,
    -- Empty: it has yet to begin.
    cursor text not null default '',
    -- The process that follows, and until when no other one does.
    holder uuid not null,
    held_until timestamptz not null,
    -- From when on all users whom rows here name are to be looked up, and after whom to go on.
    sweep_at timestamptz not null,
    swept_domain_id text not null default '',
    swept_user_id text not null default ''
);

-- A UUIDv7 of that moment (services/runtime/ids.py), for rows of which only the database knows how many there are.
create function account.new_event_id(p_now timestamptz) returns uuid
language sql volatile strict parallel safe as $$
    select overlay(
        gen_random_uuid()::text
        placing left(hex, 8) || '-' || right(hex, 4) || '-7' from 1 for 15
    )::uuid
    from lpad(to_hex(floor(extract(epoch from p_now) * 1000)::bigint), 12, '0') hex
$$;

-- Takes away what users have here whom token has deleted: their links, and their ties to open accounts, which stay as
-- nobody's. From then on nothing is linked to them. Answers how many links there were.
create function account.forget_users(
    p_domain_ids text[],
    p_user_ids text[],
    p_now timestamptz,
    p_actor text
) returns bigint
language plpgsql
-- Each is looked for by its key, whatever a plan made on empty tables would find cheaper.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
    links bigint := 0;
    ours bigint;
begin
    perform account.lock_users(p_domain_ids, p_user_ids);
    -- What is pending of any of them, before any link, as whoever presents a proof locks them.
    update account.proof p set ended_at = p_now
    from (
        select q.domain_id, q.proof_id
        from unnest(p_domain_ids, p_user_ids) u (domain_id, user_id)
        join account.proof q using (domain_id, user_id)
        where q.ended_at is null
        order by q.domain_id, q.proof_id
        for update of q
    ) pending
    where p.domain_id = pending.domain_id and p.proof_id = pending.proof_id;
    for i in 1 .. cardinality(p_user_ids) loop
        insert into account.gone_user (domain_id, user_id, gone_at)
        values (p_domain_ids[i], p_user_ids[i], p_now)
        on conflict (domain_id, user_id) do update set gone_at = excluded.gone_at;
        -- The event after its row: what is told of an identity is in the order in which its row was locked.
        with gone as (
            delete from account.link l where l.domain_id = p_domain_ids[i] and l.user_id = p_user_ids[i]
            returning l.*
        )
        insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
        select g.domain_id, account.new_event_id(p_now), 'unlinked', g.type, g.identity_key, g.identity, g.extra,
               g.user_id, p_actor
        from gone g;
        get diagnostics ours = row_count;
        links := links + ours;
        update account.open_account a set user_id = '', version = a.version + 1
        where a.domain_id = p_domain_ids[i] and a.user_id = p_user_ids[i] and a.user_id <> '';
    end loop;
    return links;
end
$$;

-- Links of many identities: an entry for each, in the order in which they are asked for; empty where one is not linked.
create function account.links_of(
    p_domain_id text,
    p_types text[],
    p_identity_keys text[]
) returns table (
    place bigint,
    domain_id text,
    type text,
    identity text,
    extra text,
    user_id text,
    display_name text,
    created_at timestamptz,
    last_login_at timestamptz,
    status text
)
language sql stable
-- One row by its key for each. A plan that was made on a small table might look for the domain alone, by any index; to
-- plan anew takes little beside a thousand rows.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
as $$
    select w.place, found.*
    from unnest(p_types, p_identity_keys) with ordinality w (type, identity_key, place)
    left join lateral (
        select l.domain_id, l.type, l.identity, l.extra, l.user_id, l.display_name, l.created_at, l.last_login_at,
               l.status
        from account.link l
        where l.domain_id = p_domain_id and l.type = w.type and l.identity_key = w.identity_key
        offset 0
    ) found on true
    order by w.place
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
