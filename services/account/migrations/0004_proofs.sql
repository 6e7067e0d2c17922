-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What proves to LinkAccount that an identity is the user's: codes that were sent, tickets of a logon. Pending until it is
-- ended or expires. Rows go by whole days; until then they also say how many codes were sent.
create table account.proof (
    domain_id text not null,
    -- UUIDv7.
    proof_id uuid not null,
    kind text not null check (kind in ('code', 'ticket')),
    user_id text not null,
    type text not null,
    identity_key text not null,
    -- Keyed hash of the secret and of all that it is bound to; the key is in no database.
    mac bytea not null,
    wrong_tries bigint not null default 0,
    expires_at timestamptz not null,
    -- Until then a call that presented it goes on. Null: none does.
    claimed_until timestamptz,
    -- Null: pending.
    ended_at timestamptz,
    primary key (domain_id, proof_id)
) partition by range (proof_id);

create index proof_of_identity on account.proof (domain_id, type, identity_key, proof_id);
create index proof_of_user on account.proof (domain_id, user_id, proof_id);

-- Writes down a code that is to be sent. Verdicts: `begun`; or the limit that is reached: `identity`, `user`, `domain`.
-- p_since is the smallest id of the time that is counted. One call of a domain at a time counts and writes.
create function account.begin_code(
    p_domain_id text,
    p_proof_id uuid,
    p_user_id text,
    p_type text,
    p_identity_key text,
    p_mac bytea,
    p_expires_at timestamptz,
    p_since uuid,
    p_per_identity integer,
    p_per_user integer,
    p_per_domain integer
) returns text
language plpgsql
as $$
declare
    sent bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended(p_domain_id || '/codes', 0));
    select count(*) into sent from account.proof p
    where p.domain_id = p_domain_id and p.type = p_type and p.identity_key = p_identity_key and p.kind = 'code'
        and p.proof_id >= p_since;
    if sent >= p_per_identity then
        return 'identity';
    end if;
    select count(*) into sent from account.proof p
    where p.domain_id = p_domain_id and p.user_id = p_user_id and p.kind = 'code' and p.proof_id >= p_since;
    if sent >= p_per_user then
        return 'user';
    end if;
    select count(*) into sent from account.proof p
    where p.domain_id = p_domain_id and p.kind = 'code' and p.proof_id >= p_since;
    if sent >= p_per_domain then
        return 'domain';
    end if;
    insert into account.proof (domain_id, proof_id, kind, user_id, type, identity_key, mac, expires_at)
    values (p_domain_id, p_proof_id, 'code', p_user_id, p_type, p_identity_key, p_mac, p_expires_at);
    return 'begun';
end
$$;

-- The lock on the proofs of an identity.
create function account.proofs_lock(p_domain_id text, p_type text, p_identity_key text) returns bigint
language sql immutable parallel safe as $$
    select hashtextextended(p_domain_id || '/proofs/' || p_type || '/' || p_identity_key, 0)
$$;

-- Links an identity as link_identity does, for who presents a proof of it. Further verdicts: `refused`; `busy` (another
-- call presented the same proof just now).
--
-- A good proof is claimed, not ended: the caller ends it when there is a Token, or lets go of it, so that the call may be
-- repeated. Whatever else proves this identity, to whomever it was given, ends here.
--
-- Locks: the user, shared, as whoever links takes it; then the identity's proofs.
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
    p_claimed_until timestamptz
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
        p_extra => p_extra, p_user_id => p_user_id, p_now => p_now, p_event_id => p_event_id, p_actor => p_actor
    );
    if verdict in ('taken', 'gone') then
        update account.proof p set ended_at = p_now
        where p.domain_id = p_domain_id and p.proof_id = p_proof_id;
    end if;
    return verdict;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
