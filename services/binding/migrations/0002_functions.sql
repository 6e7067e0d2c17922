-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- How bindings change. One call is one function call: one round trip, one transaction.
--
-- Whoever writes a row holds the lock of its account; whoever adds one holds the lock of its token too. Locks are taken
-- before the first row is touched, those of tokens before those of accounts, each in the order of their keys (not of
-- the names: two names may share a key), so that no two calls ever wait for each other. The functions are volatile and
-- run in READ COMMITTED: every statement sees what was committed before it, hence all that was done under a lock it
-- had to wait for.
--
-- No statement reads more than it looks up, whatever the table was like when its plan was made: a plan is cached for as
-- long as its connection, and on a table that is nearly empty reading all of a push app looks cheap. Hence no statement
-- joins the table or looks in it for a list: each lookup is a subquery or a statement of its own, by a key. The setting
-- holds in the functions called from within too.

create function binding.lock_tokens(p_access_id bigint, p_tokens text []) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(k.key)
    from (select distinct hashtextextended(p_access_id || '/t/' || t.token, 0) as key
          from unnest(p_tokens) as t (token) order by 1) as k;
end $$;

create function binding.lock_accounts(p_access_id bigint, p_types integer [], p_accounts text []) returns void
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(k.key)
    from (select distinct hashtextextended(p_access_id || '/a/' || a.account_type || '/' || a.account, 1) as key
          from unnest(p_types, p_accounts) as a (account_type, account) order by 1) as k;
end $$;

-- Locks tokens, then the accounts named and those that the tokens hold; answers what they hold. Meanwhile that may have
-- become less, but not more, since adding to a token needs its lock.
--
-- Locks live in memory that all callers share: where several tokens hold so many accounts that a few calls would use it
-- up, the call is refused, and made again with fewer tokens.
create function binding.lock_held(
    p_access_id bigint, p_tokens text [], p_types integer [], p_accounts text [],
    out held_tokens text [], out held_types integer [], out held_accounts text []
)
language plpgsql as $$
begin
    perform binding.lock_tokens(p_access_id, p_tokens);
    select array_agg(t.token), array_agg(h.account_type), array_agg(h.account)
    into held_tokens, held_types, held_accounts
    from (select distinct t.token from unnest(p_tokens) as t (token)) as t
    cross join lateral (
        select b.account_type, b.account from binding.binding as b
        where b.access_id = p_access_id and b.token = t.token offset 0
    ) as h;
    if cardinality(held_accounts) > 400 and p_tokens[1] <> any (p_tokens) then
        raise exception 'the tokens hold % accounts', cardinality(held_accounts)
        using errcode = 'program_limit_exceeded';
    end if;
    perform binding.lock_accounts(p_access_id, p_types || held_types, p_accounts || held_accounts);
end $$;

-- Removes bindings, as far as they are there. The caller holds the locks of their accounts. Null lists: none.
create function binding.delete_bindings(p_access_id bigint, p_tokens text [], p_types integer [], p_accounts text [])
returns void
language plpgsql as $$
begin
    for i in 1 .. coalesce(cardinality(p_tokens), 0) loop
        delete from binding.binding as b
        where b.access_id = p_access_id and b.token = p_tokens[i]
            and b.account_type = p_types[i] and b.account = p_accounts[i];
    end loop;
end $$;

-- Writes the bindings named and unbinds, for each of their accounts, the least recently bound tokens beyond the cap.
-- The caller holds every lock, and has removed what they replace. A binding that is there already becomes the newest.
create function binding.put_bindings(
    p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [], p_accounts text []
) returns void
language plpgsql as $$
declare
    v_tokens text[];
    v_types integer[];
    v_accounts text[];
begin
    insert into binding.binding (access_id, token, account_type, account, op, bound_at)
    select p_access_id, n.token, n.account_type, n.account, nextval('binding.op'), p_now
    from unnest(p_tokens, p_types, p_accounts) as n (token, account_type, account)
    on conflict (access_id, token, account_type) do update set op = excluded.op, bound_at = excluded.bound_at;

    select array_agg(v.token), array_agg(n.account_type), array_agg(n.account) into v_tokens, v_types, v_accounts
    from (select distinct a.account_type, a.account from unnest(p_types, p_accounts) as a (account_type, account)) as n
    cross join lateral (
        select b.token from binding.binding as b
        where b.access_id = p_access_id and b.account_type = n.account_type and b.account = n.account and b.op > 0
        order by b.op desc offset p_cap
    ) as v;
    perform binding.delete_bindings(p_access_id, v_tokens, v_types, v_accounts);
end $$;

-- Operator 2: replaces the accounts of the tokens, of every type, by those named.
-- A row each of p_tokens, p_types, p_accounts is one binding; a token and type stand once.
create function binding.overwrite_accounts(
    p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [], p_accounts text []
) returns void
language plpgsql set enable_seqscan = off as $$
declare
    v_tokens text[];
    v_types integer[];
    v_accounts text[];
begin
    select array_agg(h.token), array_agg(h.account_type), array_agg(h.account) into v_tokens, v_types, v_accounts
    from binding.lock_held(p_access_id, p_tokens, p_types, p_accounts) as l
    cross join unnest(l.held_tokens, l.held_types, l.held_accounts) as h (token, account_type, account)
    where not exists (
        select from unnest(p_tokens, p_types, p_accounts) as n (token, account_type, account)
        where n.token = h.token and n.account_type = h.account_type and n.account = h.account
    );
    perform binding.delete_bindings(p_access_id, v_tokens, v_types, v_accounts);
    perform binding.put_bindings(p_access_id, p_cap, p_now, p_tokens, p_types, p_accounts);
end $$;

-- Operator 1 where the push app adds: each binding replaces that of the same token and type alone.
-- Parameters as above.
create function binding.add_accounts(
    p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [], p_accounts text []
) returns void
language plpgsql set enable_seqscan = off as $$
declare
    v_tokens text[];
    v_types integer[];
    v_accounts text[];
begin
    perform binding.lock_tokens(p_access_id, p_tokens);
    select array_agg(n.token), array_agg(n.account_type), array_agg(h.account) into v_tokens, v_types, v_accounts
    from unnest(p_tokens, p_types, p_accounts) as n (token, account_type, account)
    cross join lateral (
        select b.account from binding.binding as b
        where b.access_id = p_access_id and b.token = n.token and b.account_type = n.account_type offset 0
    ) as h
    where h.account <> n.account;
    perform binding.lock_accounts(p_access_id, p_types || v_types, p_accounts || v_accounts);
    perform binding.delete_bindings(p_access_id, v_tokens, v_types, v_accounts);
    perform binding.put_bindings(p_access_id, p_cap, p_now, p_tokens, p_types, p_accounts);
end $$;

-- Operator 3: removes the bindings named.
create function binding.unbind_accounts(p_access_id bigint, p_tokens text [], p_types integer [], p_accounts text [])
returns void
language plpgsql set enable_seqscan = off as $$
begin
    perform binding.lock_tokens(p_access_id, p_tokens);
    perform binding.lock_accounts(p_access_id, p_types, p_accounts);
    perform binding.delete_bindings(p_access_id, p_tokens, p_types, p_accounts);
end $$;

-- Operator 4: removes every binding of the tokens.
create function binding.clear_tokens(p_access_id bigint, p_tokens text []) returns void
language plpgsql set enable_seqscan = off as $$
begin
    perform binding.delete_bindings(p_access_id, l.held_tokens, l.held_types, l.held_accounts)
    from binding.lock_held(p_access_id, p_tokens, '{}', '{}') as l;
end $$;

-- Operator 5: removes every binding of the accounts. Their locks are enough: nobody adds to an account without its own.
create function binding.clear_accounts(p_access_id bigint, p_types integer [], p_accounts text []) returns void
language plpgsql set enable_seqscan = off as $$
declare
    v_tokens text[];
    v_types integer[];
    v_accounts text[];
begin
    perform binding.lock_accounts(p_access_id, p_types, p_accounts);
    select array_agg(h.token), array_agg(n.account_type), array_agg(n.account) into v_tokens, v_types, v_accounts
    from unnest(p_types, p_accounts) as n (account_type, account)
    cross join lateral (
        select b.token from binding.binding as b
        where b.access_id = p_access_id and b.account_type = n.account_type and b.account = n.account and b.op > 0
        order by b.op offset 0
    ) as h;
    perform binding.delete_bindings(p_access_id, v_tokens, v_types, v_accounts);
end $$;

-- The tokens of each account, the most recently bound first; one row an account, in their order, none left out.
create function binding.list_tokens(p_access_id bigint, p_types integer [], p_accounts text [])
returns table (tokens text [])
language plpgsql stable set enable_seqscan = off as $$
begin
    return query
    select array(
        select b.token from binding.binding as b
        where b.access_id = p_access_id and b.account_type = n.account_type and b.account = n.account and b.op > 0
        order by b.op desc
    )
    from unnest(p_types, p_accounts) with ordinality as n (account_type, account, place)
    order by n.place;
end $$;

-- The accounts of each token, by type; one row a token, in their order, none left out.
create function binding.list_accounts(p_access_id bigint, p_tokens text [])
returns table (types integer [], accounts text [])
language plpgsql stable set enable_seqscan = off as $$
begin
    return query
    select held.types, held.accounts
    from unnest(p_tokens) with ordinality as n (token, place)
    cross join lateral (
        select array_agg(b.account_type order by b.account_type), array_agg(b.account order by b.account_type)
        from binding.binding as b where b.access_id = p_access_id and b.token = n.token
    ) as held (types, accounts)
    order by n.place;
end $$;

-- migrate:down
-- Forward only.
