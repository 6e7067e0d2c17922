-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

alter table token.app
    -- Whether users are not asked what the app may have of them.
    add column skip_consent boolean not null default false,
    -- Whether it may ask for tokens on devices without a browser.
    add column device_flow boolean not null default false;

-- When the user was proven. Absent: when the code was made.
alter table token.authorization_code add column authenticated_at timestamptz;

-- As redeem_code_with_nonce, which only the previous version calls; answers when the user was proven, too.
create function token.redeem_code_of_logon(
    p_domain_id text,
    p_code_id uuid,
    p_code_hash bytea,
    p_client_id text,
    p_redirect_uri text,
    p_code_challenge text,
    p_session_id uuid,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_event_id uuid,
    out opened token.opened_session,
    out nonce text,
    out authenticated_at timestamptz
)
language plpgsql as $$
begin
    opened := token.redeem_code(
        p_domain_id => p_domain_id, p_code_id => p_code_id, p_code_hash => p_code_hash, p_client_id => p_client_id,
        p_redirect_uri => p_redirect_uri, p_code_challenge => p_code_challenge, p_session_id => p_session_id,
        p_secret_hash => p_secret_hash, p_now => p_now, p_expires_at => p_expires_at, p_absolute_at => p_absolute_at,
        p_event_id => p_event_id
    );
    if opened.verdict = 'started' then
        select c.nonce, c.authenticated_at into nonce, authenticated_at from token.authorization_code c
        where c.domain_id = p_domain_id and c.code_id = p_code_id;
    end if;
end
$$;

-- Makes a user who was proven and is not there yet: as create_user, and the audit row says how the user was proven, and
-- for which app.
create function token.create_user_for_logon(
    p_domain_id text,
    p_user_id text,
    p_user_name text,
    p_nick_name text,
    p_avatar text,
    p_client_id text,
    p_proof_method text,
    p_proof_identity text,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    made record;
begin
    select c.* into made from token.create_user(
        p_domain_id => p_domain_id, p_user_id => p_user_id, p_user_name => p_user_name, p_nick_name => p_nick_name,
        p_avatar => p_avatar, p_role => 'user', p_status => 'enabled', p_description => '', p_default_drive_id => '',
        p_user_data => '{}', p_actor => p_actor, p_now => p_now, p_event_id => p_event_id
    ) c;
    update token.audit a set client_id = p_client_id, proof_method = p_proof_method, proof_identity = p_proof_identity
    where a.domain_id = p_domain_id and a.event_id = p_event_id;
    return made.verdict;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
