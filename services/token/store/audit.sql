-- The audit log. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_audit
insert into token.audit (domain_id, event_id, event, client_id, user_id, actor, detail)
values ($1, $2, $3, $4, $5, $6, $7);
