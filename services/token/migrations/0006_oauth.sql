-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Whether one of the few ids that a token names was revoked. Of a partitioned table none can be made concurrently.
-- squawk-ignore require-concurrent-index-creation
create index revocation_by_subject on token.revocation (domain_id, subject);

-- Nobody gives what he does not have: who sets up domains may make services that exchange tokens.
update token.app set permissions = permissions || array['token.exchange']
where type = 'service' and 'token.domain' = any (permissions);

-- Ends a session for its own client, which presents a token of it: a refresh token with its secret, an access token
-- without. Answers whether the session is that client's; one that is over stays as it is.
create function token.end_session(
    p_domain_id text,
    p_session_id uuid,
    p_client_id text,
    p_secret_hash bytea,
    p_now timestamptz,
    p_event_id uuid
) returns boolean
language plpgsql as $$
declare
    person text;
begin
    update token.session s set revoked_at = p_now
    where s.domain_id = p_domain_id and s.session_id = p_session_id and s.client_id = p_client_id
        and (p_secret_hash is null or s.secret_hash = p_secret_hash) and s.revoked_at is null
    returning s.user_id into person;
    if not found then
        return exists (
            select from token.session s
            where s.domain_id = p_domain_id and s.session_id = p_session_id and s.client_id = p_client_id
                and (p_secret_hash is null or s.secret_hash = p_secret_hash)
        );
    end if;
    insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
    values (p_domain_id, p_event_id, 'session', p_session_id::text, p_now);
    insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, detail)
    values (
        p_domain_id, p_event_id, 'session.revoked', p_client_id, person, p_session_id,
        case when p_secret_hash is null then 'by access token' else 'by refresh token' end
    );
    return true;
end
$$;

-- Revokes one access token, which its client presents: its session's, if that is the client's, or else the token alone.
create function token.revoke_access_token(
    p_domain_id text,
    p_client_id text,
    p_token_id text,
    p_session_id uuid,
    p_user_id text,
    p_now timestamptz,
    p_event_id uuid
) returns void
language plpgsql as $$
begin
    if p_session_id is not null and token.end_session(
        p_domain_id => p_domain_id, p_session_id => p_session_id, p_client_id => p_client_id, p_secret_hash => null,
        p_now => p_now, p_event_id => p_event_id
    ) then
        return;
    end if;
    if exists (
        select from token.revocation r
        where r.domain_id = p_domain_id and r.subject = p_token_id and r.kind = 'token'
    ) then
        return;
    end if;
    insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
    values (p_domain_id, p_event_id, 'token', p_token_id, p_now);
    insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, detail)
    values (p_domain_id, p_event_id, 'token.revoked', p_client_id, p_user_id, p_session_id, p_token_id);
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
