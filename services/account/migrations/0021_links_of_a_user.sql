-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- As 0020 has it, and a user has at most 1,000 identities (a few more where some are linked at once, or users are merged):
-- what is done with all of a user's identities, erasing, merging, showing them, is to end in time. The verdict is `full`.
create or replace function account.link_identity(
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

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
