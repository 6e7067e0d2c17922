-- All that there is of a user. Each statement names its domain, but for the one by which the worker finds what is old.

-- name: merge_users
select * from account.merge_users(
    p_domain_id => $1, p_from_user_id => $2, p_into_user_id => $3, p_now => $4, p_actor => $5
);

-- name: remember_user
select account.remember_user(p_domain_id => $1, p_user_id => $2, p_now => $3);

-- name: forget_user
-- $1 domain, $2 user, $3 kept in mind since
delete from account.erased_identity where domain_id = $1 and user_id = $2 and erased_at >= $3;

-- name: erase_user
select type, identity_key as key, identity as given from account.erase_user(
    p_domain_id => $1, p_user_id => $2, p_before => $3, p_now => $4, p_actor => $5
);

-- name: select_identities_of_user
-- $1 domain, $2 user
select l.type, l.identity_key as key, l.identity as given
from account.link l
where l.domain_id = $1 and l.user_id = $2
union all
select 'open_account', o.identity_id::text, o.open_id
from account.open_account o
where o.domain_id = $1 and o.user_id = $2 and o.user_id <> '';

-- name: select_open_accounts_of_user
-- $1 domain, $2 user
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type
from account.open_account
where domain_id = $1 and user_id = $2 and user_id <> ''
order by created_at, identity_id;

-- name: select_pending_proofs
-- $1 domain, $2 user, $3 the smallest id that may be pending, $4 now
select proof_id, kind, type, identity_key as key, expires_at, wrong_tries
from account.proof
where domain_id = $1 and user_id = $2 and proof_id >= $3 and ended_at is null and expires_at > $4
order by proof_id;

-- name: select_link_events_of_user
-- First the user's, by their index: else a plan may go through the domain's in the order of the answer.
-- $1 domain, $2 user, $3 event after which to go on, $4 at the most
with own as materialized (
    select e.* from account.link_event e where e.domain_id = $1 and e.user_id = $2
)
select o.event_id, o.kind, o.type, o.identity, o.extra, o.actor
from own o
where o.event_id > $3
order by o.event_id
limit $4;

-- name: select_domains_of_erased
-- Domains that keep what is too old to be kept.
-- $1 erased before
select distinct domain_id from account.erased_identity where erased_at < $1;

-- name: delete_erased
-- $1 domain, $2 erased before
delete from account.erased_identity where domain_id = $1 and erased_at < $2;
