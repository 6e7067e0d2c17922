-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What a domain lets its users do with their identities. No row: the defaults.
create table account.domain_settings (
    domain_id text primary key,
    keep_last_identity boolean not null,
    codes_per_hour bigint not null,
    updated_at timestamptz not null,
    version bigint not null
);

-- Takes an identity from a user; nothing happens where it is not linked to it. Verdicts: `unlinked`, `absent`, `last` (the
-- user's only one, and the domain wants each to keep one; nothing is changed).
--
-- Pending proofs of the user end, and those of anybody for an identity that was taken away. p_pending_since is the smallest
-- id of a proof that may be pending still.
--
-- Who unlinks holds the user for itself: two at once would each see the other's link and leave none.
create function account.unlink_identity(
    p_domain_id text,
    p_type text,
    p_identity_key text,
    p_user_id text,
    p_now timestamptz,
    p_pending_since uuid,
    p_event_id uuid,
    p_actor text
) returns text
language plpgsql
as $$
declare
    gone account.link;
    unlinked boolean;
begin
    perform pg_advisory_xact_lock(account.user_lock(p_domain_id, p_user_id));
    perform pg_advisory_xact_lock(account.proofs_lock(p_domain_id, p_type, p_identity_key));
    if exists (select from account.domain_settings s where s.domain_id = p_domain_id and s.keep_last_identity)
        and exists (
            select from account.link l
            where l.domain_id = p_domain_id and l.type = p_type and l.identity_key = p_identity_key
                and l.user_id = p_user_id
        )
        and not exists (
            select from account.link l
            where l.domain_id = p_domain_id and l.user_id = p_user_id
                and (l.type <> p_type or l.identity_key <> p_identity_key)
        )
    then
        return 'last';
    end if;
    -- The user is part of the condition: nobody unlinks what became another's meanwhile.
    delete from account.link l
    where l.domain_id = p_domain_id and l.type = p_type and l.identity_key = p_identity_key and l.user_id = p_user_id
    returning l.* into gone;
    unlinked := found;
    if unlinked then
        insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
        values (
            p_domain_id, p_event_id, 'unlinked', p_type, p_identity_key, gone.identity, gone.extra, p_user_id, p_actor
        );
    end if;
    update account.proof p set ended_at = p_now
    where p.domain_id = p_domain_id and p.proof_id in (
        select q.proof_id from account.proof q
        where q.domain_id = p_domain_id and q.proof_id >= p_pending_since and q.ended_at is null
            and (q.user_id = p_user_id or (unlinked and q.type = p_type and q.identity_key = p_identity_key))
        order by q.proof_id
        for update
    );
    return case when unlinked then 'unlinked' else 'absent' end;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
