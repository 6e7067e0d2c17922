-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What is ordered here and still to be done at token: written in the transaction that changes the tables of account, and
-- taken away when token has done it. One of a kind for a user: an order that comes again takes the place of the first.
create table account.outbox (
    domain_id text not null,
    user_id text not null,
    kind text not null check (kind in ('end_sessions', 'erase')),
    -- Tells it from a later order of the same.
    version uuid not null,
    -- Who ordered it.
    actor text not null,
    -- Of an erasure: roles of the users whom who ordered it reaches.
    roles text[] not null,
    -- Since when there is something to do.
    created_at timestamptz not null,
    ordered_at timestamptz not null,
    -- Before that, somebody else is at it.
    due_at timestamptz not null,
    attempts bigint not null default 0,
    primary key (domain_id, user_id, kind)
);

create index outbox_due on account.outbox (due_at);

-- What a user had who is erased: read when that is ordered, since who follows token's users may be faster than we are; and
-- kept for a day, for a caller who did not hear the answer.
create table account.erased_identity (
    domain_id text not null,
    user_id text not null,
    -- Of a link its type, else `open_account`.
    type text not null,
    -- Of an open account our id.
    identity_key text not null,
    -- Of an open account the provider's id.
    identity text not null,
    erased_at timestamptz not null,
    primary key (domain_id, user_id, type, identity_key)
);

create index erased_identity_at on account.erased_identity (erased_at);

-- For the erasure of a user.
-- squawk-ignore require-concurrent-index-creation
create index if not exists link_event_of_user on account.link_event (domain_id, user_id);

-- Ends what is pending of a user. The caller holds the user's lock for itself, so that nobody claims one meanwhile.
create function account.end_proofs(p_domain_id text, p_user_id text, p_now timestamptz) returns void
language sql as $$
    update account.proof p set ended_at = p_now
    where p.domain_id = p_domain_id and p.proof_id in (
        select q.proof_id from account.proof q
        where q.domain_id = p_domain_id and q.user_id = p_user_id and q.ended_at is null
        order by q.proof_id
        for update
    )
$$;

-- Makes all links and open accounts of one user another's. Verdicts: `gone` (one of them was deleted); `merged`.
--
-- The feed has both halves of a move, under the lock on the row: of an identity, followers hear of the one user's end
-- before the other's beginning.
create function account.merge_users(
    p_domain_id text,
    p_from_user_id text,
    p_into_user_id text,
    p_now timestamptz,
    p_actor text,
    out verdict text,
    out links int,
    out open_accounts int
)
language plpgsql as $$
declare
    one account.link;
begin
    perform account.lock_users(array[p_domain_id, p_domain_id], array[p_from_user_id, p_into_user_id]);
    links := 0;
    open_accounts := 0;
    if exists (
        select from account.gone_user g
        where g.domain_id = p_domain_id and g.user_id in (p_from_user_id, p_into_user_id)
    ) then
        verdict := 'gone';
        return;
    end if;
    verdict := 'merged';
    -- Before the links, as whoever presents one locks them.
    perform account.end_proofs(p_domain_id, p_from_user_id, p_now);
    for one in
        select l.* from account.link l
        where l.domain_id = p_domain_id and l.user_id = p_from_user_id
        order by l.type, l.identity_key
        for update
    loop
        update account.link l set user_id = p_into_user_id
        where l.domain_id = p_domain_id and l.type = one.type and l.identity_key = one.identity_key;
        insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
        values (
            p_domain_id, account.new_event_id(p_now), 'unlinked', one.type, one.identity_key, one.identity, one.extra,
            p_from_user_id, p_actor
        );
        insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
        values (
            p_domain_id, account.new_event_id(p_now), 'linked', one.type, one.identity_key, one.identity, one.extra,
            p_into_user_id, p_actor
        );
        links := links + 1;
    end loop;
    -- The second condition is the index's.
    update account.open_account o set user_id = p_into_user_id, version = o.version + 1
    where o.domain_id = p_domain_id and o.user_id = p_from_user_id and o.user_id <> '';
    get diagnostics open_accounts = row_count;
end
$$;

-- Keeps in mind what a user has who is to be erased.
create function account.remember_user(p_domain_id text, p_user_id text, p_now timestamptz) returns void
language sql as $$
    select account.lock_users(array[p_domain_id], array[p_user_id]);
    insert into account.erased_identity (domain_id, user_id, type, identity_key, identity, erased_at)
    select l.domain_id, l.user_id, l.type, l.identity_key, l.identity, p_now
    from account.link l
    where l.domain_id = p_domain_id and l.user_id = p_user_id
    union all
    select o.domain_id, o.user_id, 'open_account', o.identity_id::text, o.open_id, p_now
    from account.open_account o
    where o.domain_id = p_domain_id and o.user_id = p_user_id and o.user_id <> ''
    on conflict (domain_id, user_id, type, identity_key) do update set erased_at = excluded.erased_at
$$;

-- Takes away what there is of a user, after token has: links and open accounts of until `p_before`, and what the feed
-- tells of it but for the ends of its links, by which followers take away theirs. Answers under what binding may hold it.
create function account.erase_user(
    p_domain_id text,
    p_user_id text,
    p_before timestamptz,
    p_now timestamptz,
    p_actor text
) returns setof account.erased_identity
language plpgsql as $$
declare
    one account.link;
begin
    perform account.lock_users(array[p_domain_id], array[p_user_id]);
    -- Then the proofs of its identities, and only then the links, as whoever presents one: pending ones name it, and what it
    -- had.
    perform pg_advisory_xact_lock(account.proofs_lock(p_domain_id, i.type, i.identity_key))
    from (
        select l.type, l.identity_key from account.link l where l.domain_id = p_domain_id and l.user_id = p_user_id
        union
        select e.type, e.identity_key from account.erased_identity e
        where e.domain_id = p_domain_id and e.user_id = p_user_id
        order by 1, 2
    ) i;
    delete from account.proof p
    where p.domain_id = p_domain_id and (
        p.user_id = p_user_id
        or (p.type, p.identity_key) in (
            select l.type, l.identity_key from account.link l where l.domain_id = p_domain_id and l.user_id = p_user_id
            union
            select e.type, e.identity_key from account.erased_identity e
            where e.domain_id = p_domain_id and e.user_id = p_user_id
        )
    );
    for one in
        select l.* from account.link l
        where l.domain_id = p_domain_id and l.user_id = p_user_id and l.created_at <= p_before
        order by l.type, l.identity_key
        for update
    loop
        delete from account.link l
        where l.domain_id = p_domain_id and l.type = one.type and l.identity_key = one.identity_key;
        insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
        values (
            p_domain_id, account.new_event_id(p_now), 'unlinked', one.type, one.identity_key, one.identity, one.extra,
            p_user_id, p_actor
        );
        insert into account.erased_identity (domain_id, user_id, type, identity_key, identity, erased_at)
        values (p_domain_id, p_user_id, one.type, one.identity_key, one.identity, p_now)
        on conflict (domain_id, user_id, type, identity_key) do update set erased_at = excluded.erased_at;
    end loop;
    insert into account.erased_identity (domain_id, user_id, type, identity_key, identity, erased_at)
    select p_domain_id, p_user_id, 'open_account', o.identity_id::text, o.open_id, p_now
    from account.open_account o
    where o.domain_id = p_domain_id and o.user_id = p_user_id and o.user_id <> '' and o.created_at <= p_before
    on conflict (domain_id, user_id, type, identity_key) do update set erased_at = excluded.erased_at;
    -- Those that were the user's when it was ordered may be nobody's by now, and hold as much of it.
    delete from account.open_account o
    using account.erased_identity i
    where i.domain_id = p_domain_id and i.user_id = p_user_id and i.type = 'open_account'
        and o.domain_id = p_domain_id and o.identity_id = i.identity_key::uuid and o.user_id in ('', p_user_id);
    -- Whoever was told of a link is told of its end, and nobody needs to hear of its beginning. The links of a new user of
    -- this id are another matter.
    delete from account.link_event e
    where e.domain_id = p_domain_id and e.user_id = p_user_id and e.kind = 'linked' and not exists (
        select from account.link l
        where l.domain_id = p_domain_id and l.type = e.type and l.identity_key = e.identity_key
            and l.user_id = p_user_id
    );
    -- What became another's is not to be unbound: a merge may have been faster.
    delete from account.erased_identity i
    where i.domain_id = p_domain_id and i.user_id = p_user_id and (
        exists (
            select from account.link l
            where l.domain_id = p_domain_id and l.type = i.type and l.identity_key = i.identity_key
        )
        or i.type = 'open_account' and exists (
            select from account.open_account o
            where o.domain_id = p_domain_id and o.identity_id = i.identity_key::uuid
        )
    );
    return query
        select i.* from account.erased_identity i where i.domain_id = p_domain_id and i.user_id = p_user_id;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
