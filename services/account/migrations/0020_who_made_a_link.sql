-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- The access key, or app, that made the link. Null: the user itself did, or it was made before this was kept.
alter table account.link add column create_access_key text;

-- As 0003 has it, with the credential that makes the link; and a user has at most 1,000 identities (a few more where some
-- are linked at once, or users are merged): what is done with all of a user's identities, erasing, merging, showing them,
-- is to end in time. The verdict is then `full`.
create function account.link_identity(
    p_domain_id text,
    p_type text,
    p_identity_key text,
    p_identity text,
    p_extra text,
    p_user_id text,
    p_now timestamptz,
    p_event_id uuid,
    p_actor text,
    p_create_access_key text
) returns text
language plpgsql
as $$
declare
    is_new boolean;
begin
    if not account.hold_user(p_domain_id, p_user_id) then
        return 'gone';
    end if;
    if (
            select count(*) >= 1000
            from (select from account.link l where l.domain_id = p_domain_id and l.user_id = p_user_id limit 1000) as k
        )
        and not exists (
            select from account.link l
            where l.domain_id = p_domain_id and l.type = p_type and l.identity_key = p_identity_key
        )
    then
        return 'full';
    end if;
    -- A link of the same user is written again unchanged, to be found by the statement that waited for it; another user's
    -- is not touched, and no row comes back.
    insert into account.link as l (
        domain_id, type, identity_key, identity, extra, user_id, created_at, create_access_key
    )
    values (p_domain_id, p_type, p_identity_key, p_identity, p_extra, p_user_id, p_now, p_create_access_key)
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

-- For processes of the release before, which know nothing of it.
create or replace function account.link_identity(
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
begin
    return account.link_identity(
        p_domain_id => p_domain_id, p_type => p_type, p_identity_key => p_identity_key, p_identity => p_identity,
        p_extra => p_extra, p_user_id => p_user_id, p_now => p_now, p_event_id => p_event_id, p_actor => p_actor,
        p_create_access_key => null
    );
end
$$;

-- As 0004 has it, with the credential that makes the link.
create function account.link_proven_identity(
    p_domain_id text,
    p_type text,
    p_identity_key text,
    p_identity text,
    p_extra text,
    p_user_id text,
    p_now timestamptz,
    p_event_id uuid,
    p_actor text,
    p_proof_id uuid,
    p_kind text,
    p_mac bytea,
    p_max_tries integer,
    p_claimed_until timestamptz,
    p_create_access_key text
) returns text
language plpgsql
as $$
declare
    proof account.proof;
    verdict text;
begin
    perform pg_advisory_xact_lock_shared(account.user_lock(p_domain_id, p_user_id));
    perform pg_advisory_xact_lock(account.proofs_lock(p_domain_id, p_type, p_identity_key));
    -- Whose proof it is stands here, beside the MAC that says so too: nobody uses up another's tries.
    select p.* into proof from account.proof p
    where p.domain_id = p_domain_id and p.proof_id = p_proof_id and p.kind = p_kind and p.user_id = p_user_id
        and p.type = p_type and p.identity_key = p_identity_key and p.ended_at is null and p.expires_at > p_now
    for update;
    if not found then
        return 'refused';
    end if;
    if proof.mac <> p_mac then
        update account.proof p
        set wrong_tries = p.wrong_tries + 1, ended_at = case when p.wrong_tries + 1 >= p_max_tries then p_now end
        where p.domain_id = p_domain_id and p.proof_id = p_proof_id;
        return 'refused';
    end if;
    if proof.claimed_until > p_now then
        return 'busy';
    end if;
    update account.proof p set claimed_until = p_claimed_until
    where p.domain_id = p_domain_id and p.proof_id = p_proof_id;
    -- In the order of their ids, as whoever ends several.
    update account.proof p set ended_at = p_now
    where p.domain_id = p_domain_id and p.proof_id in (
        select q.proof_id from account.proof q
        where q.domain_id = p_domain_id and q.type = p_type and q.identity_key = p_identity_key
            and q.proof_id <> p_proof_id and q.ended_at is null
        order by q.proof_id
        for update
    );
    verdict := account.link_identity(
        p_domain_id => p_domain_id, p_type => p_type, p_identity_key => p_identity_key, p_identity => p_identity,
        p_extra => p_extra, p_user_id => p_user_id, p_now => p_now, p_event_id => p_event_id, p_actor => p_actor,
        p_create_access_key => p_create_access_key
    );
    if verdict in ('taken', 'gone') then
        update account.proof p set ended_at = p_now
        where p.domain_id = p_domain_id and p.proof_id = p_proof_id;
    end if;
    return verdict;
end
$$;

-- For processes of the release before.
create or replace function account.link_proven_identity(
    p_domain_id text,
    p_type text,
    p_identity_key text,
    p_identity text,
    p_extra text,
    p_user_id text,
    p_now timestamptz,
    p_event_id uuid,
    p_actor text,
    p_proof_id uuid,
    p_kind text,
    p_mac bytea,
    p_max_tries integer,
    p_claimed_until timestamptz
) returns text
language plpgsql
as $$
begin
    return account.link_proven_identity(
        p_domain_id => p_domain_id, p_type => p_type, p_identity_key => p_identity_key, p_identity => p_identity,
        p_extra => p_extra, p_user_id => p_user_id, p_now => p_now, p_event_id => p_event_id, p_actor => p_actor,
        p_proof_id => p_proof_id, p_kind => p_kind, p_mac => p_mac, p_max_tries => p_max_tries,
        p_claimed_until => p_claimed_until, p_create_access_key => null
    );
end
$$;

-- As 0013 has it, and a link tells who made it.
create or replace view account.every_open_account as
select
    o.domain_id, o.identity_id, o.project_id, o.idp, o.open_id, o.user_id, o.display_name, o.login_id, o.mobile,
    o.region, o.create_access_key, o.status, o.type, o.version, '' as identity_key
from account.open_account o
union all
select
    l.domain_id, account.open_account_id(l.domain_id, l.identity_key), p.project_id, p.idp,
    substr(l.identity_key, length(p.idp) + 2), l.user_id, '', '', '', '', coalesce(l.create_access_key, ''), 0, 1, 0,
    l.identity_key
from account.link l
join account.provider p
    on p.domain_id = l.domain_id and p.idp = split_part(l.identity_key, ':', 1) and p.takes_links
where
    l.type = 'custom'
    and length(l.identity_key) > length(p.idp) + 1
    and not exists (
        select from account.open_account o
        where
            o.domain_id = l.domain_id and o.project_id = p.project_id and o.idp = p.idp
            and o.open_id = substr(l.identity_key, length(p.idp) + 2)
    );

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
