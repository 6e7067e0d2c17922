-- What proves that an identity is a user's. Each statement names its domain.

-- name: begin_code
select account.begin_code(
    p_domain_id => $1, p_proof_id => $2, p_user_id => $3, p_type => $4, p_identity_key => $5, p_mac => $6,
    p_expires_at => $7, p_since => $8, p_per_identity => $9, p_per_user => $10, p_per_domain => $11
);

-- name: insert_ticket
-- $1 domain, $2 id, $3 user, $4 type, $5 key, $6 MAC, $7 when it expires
insert into account.proof (domain_id, proof_id, kind, user_id, type, identity_key, mac, expires_at)
values ($1, $2, 'ticket', $3, $4, $5, $6, $7);

-- name: link_proven_identity
select account.link_proven_identity(
    p_domain_id => $1, p_type => $2, p_identity_key => $3, p_identity => $4, p_extra => $5, p_user_id => $6, p_now => $7,
    p_event_id => $8, p_actor => $9, p_proof_id => $10, p_kind => $11, p_mac => $12, p_max_tries => $13,
    p_claimed_until => $14, p_create_access_key => $15
);

-- name: end_proof
-- $1 domain, $2 id, $3 now
update account.proof set ended_at = $3
where domain_id = $1 and proof_id = $2 and ended_at is null
returning proof_id;

-- name: release_proof
-- $1 domain, $2 id
update account.proof set claimed_until = null
where domain_id = $1 and proof_id = $2 and ended_at is null;
