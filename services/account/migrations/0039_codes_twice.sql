-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- As before. A code that was good is good once more where it was so after p_again: who presses twice logs on, and the hash
-- is of a flow, which one browser has.
create function account.try_logon_code(
    p_domain_id text,
    p_code_id uuid,
    p_type text,
    p_identity_key text,
    p_mac bytea,
    p_now timestamptz,
    p_max_tries integer,
    p_browsers integer,
    p_period timestamptz,
    p_guesses integer,
    p_again timestamptz
) returns text
language plpgsql
as $$
declare
    sent account.logon_code;
    over boolean;
begin
    perform pg_advisory_xact_lock(
        hashtextextended(concat_ws('/', 'code of', p_domain_id, p_type, p_identity_key), 0)
    );
    select c.* into sent from account.logon_code c
    where c.domain_id = p_domain_id and c.code_id = p_code_id and c.type = p_type
        and c.identity_key = p_identity_key and c.expires_at > p_now
    for update;
    -- One that ended by wrong ones is not good within that time either.
    if not found or sent.wrong_tries >= p_max_tries or sent.ended_at <= p_again then
        return 'over';
    end if;
    if sent.ended_at is not null then
        return case when sent.mac = p_mac then 'good' else 'over' end;
    end if;
    if not account.may_guess(p_domain_id, p_type, p_identity_key, p_period, sent.browser_id, p_guesses, p_browsers) then
        return 'guessed';
    end if;
    if sent.mac = p_mac then
        update account.logon_code c set ended_at = p_now where c.domain_id = p_domain_id and c.code_id = p_code_id;
        return 'good';
    end if;
    over := sent.wrong_tries + 1 >= p_max_tries;
    update account.logon_code c
    set wrong_tries = sent.wrong_tries + 1, ended_at = case when over then p_now end
    where c.domain_id = p_domain_id and c.code_id = p_code_id;
    perform account.count_guess(p_domain_id, p_type, p_identity_key, p_period, sent.browser_id);
    return case when over then 'over' else 'wrong' end;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
