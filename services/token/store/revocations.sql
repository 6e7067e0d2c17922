-- Access tokens that are good no longer. Each statement names its tenant.

-- name: insert_app_revocation
insert into token.revocation (domain_id, event_id, kind, subject, revoked_at) values ($1, $2, 'app', $3, $4);
