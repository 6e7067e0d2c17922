-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- As 0005 has it; and the last identity of a user is kept also where who takes it away wants that (p_keep_last).
create function account.unlink_identity(
    p_domain_id text,
    p_type text,
    p_identity_key text,
    p_user_id text,
    p_now timestamptz,
    p_pending_since uuid,
    p_event_id uuid,
    p_actor text,
    p_keep_last boolean
) returns text
language plpgsql
as $$
declare
    gone account.link;
    unlinked boolean;
begin
    perform pg_advisory_xact_lock(account.user_lock(p_domain_id, p_user_id));
    perform pg_advisory_xact_lock(account.proofs_lock(p_domain_id, p_type, p_identity_key));
    if (
            p_keep_last
            or exists (select from account.domain_settings s where s.domain_id = p_domain_id and s.keep_last_identity)
        )
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

-- For processes of the release before.
create or replace function account.unlink_identity(
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
begin
    return account.unlink_identity(
        p_domain_id => p_domain_id, p_type => p_type, p_identity_key => p_identity_key, p_user_id => p_user_id,
        p_now => p_now, p_pending_since => p_pending_since, p_event_id => p_event_id, p_actor => p_actor,
        p_keep_last => false
    );
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
