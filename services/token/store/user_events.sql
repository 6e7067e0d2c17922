-- What became of users. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_user_event
insert into token.user_event (domain_id, event_id, user_id, kind) values ($1, $2, $3, $4);
