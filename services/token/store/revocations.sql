-- What is revoked before it expires. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_revocation
insert into token.revocation (domain_id, event_id, kind, subject, revoked_at) values ($1, $2, $3, $4, $5);
