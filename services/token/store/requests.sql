-- Calls that may be made again, and what they were answered. Each statement names its tenant.

-- name: select_request
select content_hash, answer from token.request
where domain_id = $1 and request_id = $2 and made_at > $3
order by made_at desc
limit 1;

-- name: insert_request
insert into token.request (domain_id, request_id, made_at, content_hash, answer) values ($1, $2, $3, $4, $5);
