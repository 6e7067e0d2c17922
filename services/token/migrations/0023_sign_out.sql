-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Browser in which the user was logged on, by account's id of that. Absent: in none, or of the previous version.
alter table token.authorization_code add column browser_id uuid;
alter table token.session add column browser_id uuid;

-- As before; the session is one of the code's browser.
create or replace function token.redeem_code_of_logon(
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
declare
    browser uuid;
begin
    opened := token.redeem_code(
        p_domain_id => p_domain_id, p_code_id => p_code_id, p_code_hash => p_code_hash, p_client_id => p_client_id,
        p_redirect_uri => p_redirect_uri, p_code_challenge => p_code_challenge, p_session_id => p_session_id,
        p_secret_hash => p_secret_hash, p_now => p_now, p_expires_at => p_expires_at, p_absolute_at => p_absolute_at,
        p_event_id => p_event_id
    );
    if opened.verdict = 'started' then
        select c.nonce, c.authenticated_at, c.browser_id into nonce, authenticated_at, browser
        from token.authorization_code c
        where c.domain_id = p_domain_id and c.code_id = p_code_id;
        if browser is not null then
            update token.session s set browser_id = browser
            where s.domain_id = p_domain_id and s.session_id = p_session_id;
        end if;
    end if;
end
$$;

-- Ends sessions of a user: some by their ids, and those that were begun in some browsers, with the codes that were made
-- there and not redeemed. What is over, or another user's, stays as it is.
--
-- The codes go first: one that is being redeemed is waited for, and has become a session that is found then. Rows are
-- found by the user and changed one by one, by the whole key: a plan made while there were none might look at everybody's.
create function token.sign_user_out(
    p_domain_id text,
    p_user_id text,
    p_session_ids uuid[],
    p_browser_ids uuid[],
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns void
language plpgsql as $$
declare
    code uuid;
    one record;
    event uuid;
begin
    for code in
        with own as materialized (
            select c.* from token.authorization_code c where c.domain_id = p_domain_id and c.user_id = p_user_id
        )
        select own.code_id from own
        where own.used_at is null and own.browser_id = any (p_browser_ids)
        order by own.code_id
    loop
        delete from token.authorization_code c
        where c.domain_id = p_domain_id and c.code_id = code and c.used_at is null;
    end loop;
    for one in
        with own as materialized (
            select s.* from token.session s where s.domain_id = p_domain_id and s.user_id = p_user_id
        )
        select own.session_id, own.client_id from own
        where own.revoked_at is null
            and (own.session_id = any (p_session_ids) or own.browser_id = any (p_browser_ids))
        order by own.session_id
    loop
        update token.session s set revoked_at = p_now
        where s.domain_id = p_domain_id and s.session_id = one.session_id and s.revoked_at is null;
        continue when not found;
        -- One for each session: the time of the one that was given, the end of the session's.
        event := left(p_event_id::text, 24) || right(one.session_id::text, 12);
        insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
        values (p_domain_id, event, 'session', one.session_id::text, p_now);
        insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, actor, detail)
        values (
            p_domain_id, event, 'session.revoked', one.client_id, p_user_id, one.session_id, p_actor, 'signed out'
        );
    end loop;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
