-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Whether a user may be given something, until the transaction ends: false where token has deleted it. The empty id is
-- nobody, who is always there.
--
-- Takes the lock on the user, shared, as whoever links to it, and only then looks: what is given is there before who
-- takes all of it away, or is refused after him. It must be volatile, or it would look as of before it waited.
create function account.hold_user(p_domain_id text, p_user_id text) returns boolean
language plpgsql
volatile
as $$
begin
    if p_user_id = '' then
        return true;
    end if;
    perform pg_advisory_xact_lock_shared(account.user_lock(p_domain_id, p_user_id));
    return not exists (select from account.gone_user g where g.domain_id = p_domain_id and g.user_id = p_user_id);
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
