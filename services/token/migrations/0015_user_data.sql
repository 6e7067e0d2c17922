-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Ends all that a user could go on with: as revoke_user_sessions, whatever its role, and the codes that are not redeemed.
-- Verdicts: `no_user`; `revoked`.
--
-- The codes are locked before the user's row, as who redeems one does: what is being redeemed becomes a session first, and
-- that one ends, too.
create function token.end_user_sessions(
    p_domain_id text,
    p_user_id text,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    codes uuid[];
    code uuid;
    held record;
begin
    select array_agg(c.code_id) into codes from (
        select a.code_id from token.authorization_code a
        where a.domain_id = p_domain_id and a.user_id = p_user_id
        order by a.code_id
        for update
    ) c;
    select r.verdict into held from token.revoke_user_sessions(
        p_domain_id, p_user_id, array['user', 'admin', 'superadmin'], p_actor, p_now, p_event_id
    ) r;
    -- One by one, by the whole key: a plan made while there were none might look at everybody's.
    foreach code in array coalesce(codes, '{}') loop
        delete from token.authorization_code c where c.domain_id = p_domain_id and c.code_id = code;
    end loop;
    return held.verdict;
end
$$;

-- Deletes a user who was there at `p_before`: one who was made later is another. Verdicts: those of delete_user but
-- `etag`.
create function token.erase_user(
    p_domain_id text,
    p_user_id text,
    p_before timestamptz,
    p_roles text[],
    p_pseudonym text,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    person token.app_user;
    verdict text;
begin
    loop
        select u.* into person from token.app_user u where u.domain_id = p_domain_id and u.user_id = p_user_id;
        if not found or person.created_at > p_before then
            return 'no_user';
        end if;
        verdict := token.delete_user(
            p_domain_id, p_user_id, token.user_etag(person), p_roles, p_pseudonym, p_actor, p_now, p_event_id
        );
        -- Changed meanwhile: looked at again, now with its row locked.
        if verdict <> 'etag' then
            return verdict;
        end if;
    end loop;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
