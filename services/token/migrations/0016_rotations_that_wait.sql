-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- As the function of that name without `p_wait`, which waited where it was given a single token: a process that waits for
-- one session keeps the refreshes of all others waiting behind it (docs/adr/0057). A token whose session somebody else has
-- locked gets the verdict `locked`, and is to come again by itself, with `p_wait`.
create function token.rotate_sessions(
    p_wait boolean,
    p_domain_ids text[],
    p_session_ids uuid[],
    p_client_ids text[],
    p_secret_hashes bytea[],
    p_generations bigint[],
    -- Of each token its scopes, with blanks between them.
    p_scopes text[],
    p_nows timestamptz[],
    p_graces_from timestamptz[],
    p_graces_repeats bigint[],
    p_idles_until timestamptz[],
    p_event_ids uuid[]
) returns setof token.opened_session
language plpgsql
-- Plans by value would be made anew for every token: what a plan for all values reads is the same, one row by its key.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
declare
    opened token.opened_session;
begin
    for i in 1 .. cardinality(p_session_ids)
    loop
        if not p_wait then
            perform from token.session s
            where s.domain_id = p_domain_ids[i] and s.session_id = p_session_ids[i]
            for no key update skip locked;
            if not found and exists (
                select from token.session s where s.domain_id = p_domain_ids[i] and s.session_id = p_session_ids[i]
            ) then
                opened := null;
                opened.verdict := 'locked';
                return next opened;
                continue;
            end if;
        end if;
        update token.session s set
            generation = case when p_generations[i] = s.generation then s.generation + 1 else s.generation end,
            rotated_at = case when p_generations[i] = s.generation then p_nows[i] else s.rotated_at end,
            grace_uses = case when p_generations[i] = s.generation then 0
                              when p_generations[i] = s.generation - 1 and s.rotated_at > p_graces_from[i]
                              then s.grace_uses + 1
                              else s.grace_uses end,
            expires_at = case when p_generations[i] = s.generation then least(p_idles_until[i], s.absolute_at)
                              else s.expires_at end,
            revoked_at = case when p_generations[i] < s.generation
                                   and (p_generations[i] < s.generation - 1 or s.rotated_at <= p_graces_from[i])
                              then p_nows[i] end
        where s.domain_id = p_domain_ids[i] and s.session_id = p_session_ids[i] and s.client_id = p_client_ids[i]
            and s.secret_hash = p_secret_hashes[i] and p_generations[i] <= s.generation
            and s.revoked_at is null and s.expires_at > p_nows[i] and s.user_status = 'enabled'
            and string_to_array(p_scopes[i], ' ') <@ s.scopes
        returning
            case when s.revoked_at is not null then 'replay'
                 when s.grace_uses = 0 then 'rotated'
                 when s.grace_uses > p_graces_repeats[i] then 'grace_exhausted'
                 else 'repeated' end,
            s.session_id, s.generation, s.user_id, s.scopes, s.role_cap, s.actor, s.device_id, s.device_name,
            s.user_name, s.nick_name, s.avatar, s.default_drive_id, s.user_role, false
        into opened;
        if not found then
            select
                case when s.client_id <> p_client_ids[i] then 'client'
                     when s.secret_hash <> p_secret_hashes[i] then 'secret'
                     when p_generations[i] > s.generation then 'generation'
                     when s.revoked_at is not null then 'revoked'
                     when s.expires_at <= p_nows[i] then 'expired'
                     when s.user_status <> 'enabled' then 'disabled'
                     else 'scope' end,
                s.session_id, s.generation, s.user_id
            into opened.verdict, opened.session_id, opened.generation, opened.user_id
            from token.session s
            where s.domain_id = p_domain_ids[i] and s.session_id = p_session_ids[i];
            if not found then
                opened.verdict := 'unknown';
            end if;
        elsif opened.verdict = 'replay' then
            insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
            values (p_domain_ids[i], p_event_ids[i], 'session', p_session_ids[i]::text, p_nows[i]);
        end if;
        insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, detail)
        values (
            p_domain_ids[i], p_event_ids[i],
            case when opened.verdict in ('rotated', 'repeated') then 'refresh_token.issued'
                 else 'refresh_token.refused' end,
            p_client_ids[i], opened.user_id, p_session_ids[i], opened.verdict
        );
        return next opened;
    end loop;
end
$$;

-- For the version before this one.
create or replace function token.rotate_sessions(
    p_domain_ids text[],
    p_session_ids uuid[],
    p_client_ids text[],
    p_secret_hashes bytea[],
    p_generations bigint[],
    p_scopes text[],
    p_nows timestamptz[],
    p_graces_from timestamptz[],
    p_graces_repeats bigint[],
    p_idles_until timestamptz[],
    p_event_ids uuid[]
) returns setof token.opened_session
language sql
as $$
    select * from token.rotate_sessions(
        cardinality(p_session_ids) = 1, p_domain_ids, p_session_ids, p_client_ids, p_secret_hashes, p_generations, p_scopes,
        p_nows, p_graces_from, p_graces_repeats, p_idles_until, p_event_ids
    )
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
