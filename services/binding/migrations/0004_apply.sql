-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- How bindings change, by whichever call: one function call, one round trip, one transaction, for one call or for several
-- that came together.
--
-- Whoever writes a row holds the lock of its account; whoever adds one holds the lock of its token too. All locks are
-- taken before the first row is touched, those of tokens before those of accounts. Who waits for locks takes each kind in
-- the order of their keys (not of the names: two names may share a key), so that no two calls ever wait for each other;
-- who acts for several calls does not wait at all. The functions are volatile and run in READ COMMITTED: every statement
-- sees what was committed before it, hence all that was done under a lock that was waited for.
--
-- No statement reads more than it looks up, whatever the table was like when its plan was made: a plan is cached for as
-- long as its connection, and on a table that is nearly empty reading all of a push app looks cheap. Hence no statement
-- joins the table or looks in it for a list: each lookup is a subquery by a key, and what it found is deleted by its place
-- (`ctid`), which cannot change while the locks are held.

-- Takes the locks of tokens or accounts.
--
-- p_keys: their keys, rising; p_items: which call needs the lock, from 1. Null lists: none.
-- Answers the calls that did not get all of theirs; of calls that want the same lock the first one gets it. Where p_wait
-- holds, there is one call, and it waits.
--
-- Loops of expressions cost a tenth of a statement that does the same.
create function binding.lock_keys(p_wait boolean, p_keys bigint [], p_items integer []) returns integer []
language plpgsql as $$
declare
    v_later integer[] := '{}';
    v_key bigint;
    v_item integer;
    v_got boolean;
begin
    for i in 1 .. coalesce(cardinality(p_keys), 0) loop
        if p_keys[i] is distinct from v_key then
            v_key := p_keys[i];
            v_item := p_items[i];
            if p_wait then
                v_got := pg_advisory_xact_lock(v_key) is not null;
            else
                v_got := pg_try_advisory_xact_lock(v_key);
            end if;
        end if;
        if not v_got or p_items[i] <> v_item then
            v_later := v_later || p_items[i];
        end if;
    end loop;
    return v_later;
end $$;

-- Removes bindings, and tells it.
--
-- A row each: where it stands, and which call removes it; it may stand twice. The caller holds the locks of their accounts,
-- but for the calls of p_later, whose rows stay. One that was found before its account was locked may be gone; its place is
-- empty then, since nothing is vacuumed that somebody may still see, as the statement of the caller does.
create function binding.remove(
    p_kind text, p_operation_ids uuid [], p_places tid [], p_items integer [], p_later integer []
) returns void
language plpgsql as $$
begin
    with wanted as materialized (
        select distinct r.place, r.item from unnest(p_places, p_items) as r (place, item)
        where r.item <> all (p_later)
    ),
    gone as (
        delete from binding.binding as b
        where b.ctid = any (array(select w.place from wanted as w))
        returning b.ctid as place, b.access_id, b.token, b.account_type, b.account
    )
    insert into binding.change (access_id, operation_id, kind, token, account_type, account)
    select g.access_id, p_operation_ids[w.item], p_kind, g.token, g.account_type, g.account
    from wanted as w join gone as g on g.place = w.place;
end $$;

-- Changes bindings for one call, or for several that share no token and no account, as if one came after the other.
--
-- p_wait: whether to wait for locks; then there is one call. Whoever does not wait may be one call, too.
-- A call each: p_access_ids its push app; p_operation_ids; p_kinds, `replace` the accounts of its tokens, of every type, by
-- those named; `add` them, each in the place of that of the same token and type alone; `unbind`; p_caps, tokens that an
-- account may have: beyond it the least recently bound are unbound.
-- A row each: p_items its call, from 1; token, type and account: a binding. A token and type stand once in a call, but where
-- it unbinds: there they may stand several times, a token without type and account is all of the token's, and an account
-- without a token all of the account's.
-- Answers the calls with which nothing was done, since others hold their locks or share them.
--
-- A token has at most 100 accounts, as one entry of a call: what is added beyond that unbinds the least recently bound.
--
-- Locks live in memory that all callers share: where several tokens hold so many accounts that a few calls would use it up,
-- nothing is done, or, by one call, refused as `program_limit_exceeded`: it is made again with fewer tokens.
create function binding.apply(
    p_wait boolean, p_now timestamptz,
    p_access_ids bigint [], p_operation_ids uuid [], p_kinds text [], p_caps integer [],
    p_items integer [], p_tokens text [], p_types integer [], p_accounts text []
) returns integer []
language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    v_later integer[];
    v_items integer[];
    v_keys bigint[];
    v_places tid[];
    v_calls integer[];
begin
    select
        array_agg(t.key order by t.key, t.item), array_agg(t.item order by t.key, t.item)
    into v_keys, v_items
    from (
        select r.item, hashtextextended(p_access_ids[r.item] || '/t/' || r.token, 0) as key
        from unnest(p_items, p_tokens) as r (item, token)
        where r.token is not null
    ) as t;
    v_later := binding.lock_keys(p_wait, v_keys, v_items);

    -- The accounts named, and those that the tokens hold. Meanwhile that may become less, but not more, since adding to a
    -- token needs its lock. What has a place goes: of tokens whose accounts are replaced, what is not named again; of those
    -- to which is added, what has the same type; of those that are unbound, all.
    select
        array_agg(a.key order by a.key, a.item), array_agg(a.item order by a.key, a.item),
        array_agg(a.place) filter (where a.place is not null), array_agg(a.item) filter (where a.place is not null)
    into v_keys, v_items, v_places, v_calls
    from (
        select
            r.item, null::tid as place,
            hashtextextended(p_access_ids[r.item] || '/a/' || r.account_type || '/' || r.account, 1) as key
        from unnest(p_items, p_types, p_accounts) as r (item, account_type, account)
        where r.account is not null and r.item <> all (v_later)
        union all
        select
            t.item,
            case when n.item is not null or p_kinds[t.item] <> 'add' then h.place end,
            hashtextextended(p_access_ids[t.item] || '/a/' || h.account_type || '/' || h.account, 1)
        from (
            select distinct r.item, r.token from unnest(p_items, p_tokens, p_accounts) as r (item, token, account)
            where r.token is not null and r.item <> all (v_later)
                and (r.account is null or p_kinds[r.item] <> 'unbind')
        ) as t
        cross join lateral (
            select b.ctid as place, b.account_type, b.account from binding.binding as b
            where b.access_id = p_access_ids[t.item] and b.token = t.token offset 0
        ) as h
        left join unnest(p_items, p_tokens, p_types, p_accounts) as n (item, token, account_type, account)
            on n.item = t.item and n.token = t.token and n.account_type = h.account_type
        where n.account is distinct from h.account
    ) as a;
    if cardinality(v_keys) > 600 then
        if not p_wait then
            return array(select generate_subscripts(p_access_ids, 1));
        -- Of what is unbound, accounts may stand before the first token.
        elsif (select count(distinct t.token) > 1 from unnest(p_tokens) as t (token)) then
            raise exception 'the tokens hold too many accounts: % locks', cardinality(v_keys)
            using errcode = 'program_limit_exceeded';
        end if;
    end if;
    v_later := v_later || binding.lock_keys(p_wait, v_keys, v_items);

    if 'unbind' = any (p_kinds) then
        select v_places || array_agg(g.place), v_calls || array_agg(g.item) into v_places, v_calls
        from (
            select r.item, h.place
            from unnest(p_items, p_tokens, p_types, p_accounts) as r (item, token, account_type, account)
            cross join lateral (
                select b.ctid as place from binding.binding as b
                where b.access_id = p_access_ids[r.item] and b.token = r.token
                    and b.account_type = r.account_type and b.account = r.account offset 0
            ) as h
            where p_kinds[r.item] = 'unbind'
            union all
            select r.item, h.place
            from unnest(p_items, p_tokens, p_types, p_accounts) as r (item, token, account_type, account)
            cross join lateral (
                select b.ctid as place from binding.binding as b
                where b.access_id = p_access_ids[r.item]
                    and b.account_type = r.account_type and b.account = r.account and b.op > 0 offset 0
            ) as h
            where r.token is null
        ) as g;
    end if;
    if v_places is not null then
        perform binding.remove('unbound', p_operation_ids, v_places, v_calls, v_later);
    end if;

    -- A binding that is there already becomes the newest, and is not told.
    with put as (
        insert into binding.binding as b (access_id, token, account_type, account, op, bound_at)
        select p_access_ids[r.item], r.token, r.account_type, r.account, nextval('binding.op'), p_now
        from unnest(p_items, p_tokens, p_types, p_accounts) as r (item, token, account_type, account)
        where p_kinds[r.item] <> 'unbind' and r.item <> all (v_later)
        on conflict (access_id, token, account_type) do update set op = excluded.op, bound_at = excluded.bound_at
        returning b.access_id, b.token, b.account_type, b.account, b.xmax = 0 as is_new
    )
    insert into binding.change (access_id, operation_id, kind, token, account_type, account)
    select p.access_id, p_operation_ids[r.item], 'bound', p.token, p.account_type, p.account
    from unnest(p_items, p_tokens, p_types) as r (item, token, account_type)
    join put as p on p.access_id = p_access_ids[r.item] and p.token = r.token and p.account_type = r.account_type
    -- Another call of these may have named the same token and type, and comes later.
    where p.is_new and r.item <> all (v_later);

    select array_agg(h.place), array_agg(a.item) into v_places, v_calls
    from (
        select distinct r.item, r.account_type, r.account
        from unnest(p_items, p_types, p_accounts) as r (item, account_type, account)
        where p_kinds[r.item] <> 'unbind' and r.item <> all (v_later)
    ) as a
    cross join lateral (
        select b.ctid as place from binding.binding as b
        where b.access_id = p_access_ids[a.item]
            and b.account_type = a.account_type and b.account = a.account and b.op > 0
        order by b.op desc offset p_caps[a.item]
    ) as h;
    if v_places is not null then
        perform binding.remove('evicted', p_operation_ids, v_places, v_calls, v_later);
    end if;

    if 'add' = any (p_kinds) then
        select array_agg(h.place), array_agg(t.item) into v_places, v_calls
        from (
            select distinct r.item, r.token from unnest(p_items, p_tokens) as r (item, token)
            where p_kinds[r.item] = 'add' and r.item <> all (v_later)
        ) as t
        cross join lateral (
            select b.ctid as place from binding.binding as b
            where b.access_id = p_access_ids[t.item] and b.token = t.token
            order by b.op desc offset 100
        ) as h;
        if v_places is not null then
            perform binding.remove('evicted', p_operation_ids, v_places, v_calls, v_later);
        end if;
    end if;
    return v_later;
end $$;

-- Changes bindings for one call that may be made again, in the same transaction as what says that it was made.
--
-- p_request_id: the id that its caller made up; p_digest: of all else that was asked; p_result: what will be answered;
-- p_from, p_to: which part of the change the rows are. The other parameters as above, of one call.
-- Answers the digest, operation and result of the first time, and how much of the change is done by now: more than p_to
-- where this part, and further ones, had been done before. Another digest than p_digest: nothing was done.
create function binding.apply_once(
    p_now timestamptz, p_access_id bigint, p_operation_id uuid, p_kind text, p_cap integer,
    p_tokens text [], p_types integer [], p_accounts text [],
    p_request_id uuid, p_digest bytea, p_result text [], p_from integer, p_to integer,
    out digest bytea, out operation_id uuid, out result text [], out done integer
)
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(p_access_id || '/r/' || p_request_id, 2));
    select r.digest, r.operation_id, r.result, r.done into digest, operation_id, result, done
    from binding.request as r where r.access_id = p_access_id and r.request_id = p_request_id;
    if digest <> p_digest or done > p_from then
        return;
    end if;
    digest := p_digest;
    operation_id := coalesce(operation_id, p_operation_id);
    result := coalesce(result, p_result);
    done := p_to;
    perform binding.apply(
        true, p_now, array[p_access_id], array[operation_id], array[p_kind], array[p_cap],
        array_fill(1, array[cardinality(p_tokens)]), p_tokens, p_types, p_accounts
    );
    insert into binding.request as r (access_id, request_id, digest, operation_id, done, result)
    values (p_access_id, p_request_id, p_digest, apply_once.operation_id, p_to, apply_once.result)
    on conflict (access_id, request_id) do update set done = excluded.done;
end $$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
