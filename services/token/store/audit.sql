-- The audit log. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_audit
insert into token.audit (domain_id, event_id, event, client_id, user_id, actor, detail)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: select_audit_newest
-- At most $8 of the rows that fit, the newest first, out of the $7 newest ones; and, in each row, how many were looked at
-- and which was the last. One row without an event where none fits.
with looked as materialized (
    select event_id, event, client_id, user_id, session_id, actor, proof_method, proof_identity, detail
    from token.audit
    where domain_id = $1 and event_id > $2 and event_id < $3
    order by event_id desc
    limit $7
)
select seen.looked, seen.last_id, fitting.*
from (select count(*) looked, (array_agg(event_id order by event_id))[1] last_id from looked) seen
left join lateral (
    select * from looked
    where ($4::text is null or event = $4) and ($5::text is null or client_id = $5)
        and ($6::uuid is null or session_id = $6)
    order by event_id desc
    limit $8
) fitting on true
order by fitting.event_id desc;

-- name: select_audit_oldest
-- As above, the oldest first.
with looked as materialized (
    select event_id, event, client_id, user_id, session_id, actor, proof_method, proof_identity, detail
    from token.audit
    where domain_id = $1 and event_id > $2 and event_id < $3
    order by event_id
    limit $7
)
select seen.looked, seen.last_id, fitting.*
from (select count(*) looked, (array_agg(event_id order by event_id desc))[1] last_id from looked) seen
left join lateral (
    select * from looked
    where ($4::text is null or event = $4) and ($5::text is null or client_id = $5)
        and ($6::uuid is null or session_id = $6)
    order by event_id
    limit $8
) fitting on true
order by fitting.event_id;

-- name: select_audit_of_user
-- Rows of a user, by whichever of its ids. Read whole by their index and sorted: in the order of time, the planner would
-- rather look for them among everybody's.
with theirs as materialized (
    select event_id, event, client_id, user_id, session_id, actor, proof_method, proof_identity, detail
    from token.audit
    where domain_id = $1 and event_id > $2 and event_id < $3 and user_id = any ($4)
)
select * from theirs
where ($5::text is null or event = $5) and ($6::text is null or client_id = $6) and ($7::uuid is null or session_id = $7)
order by case when $8 then event_id end desc, event_id
limit $9;

-- name: select_audit_retentions
-- Of domains that keep rows for less than a partition is kept.
select domain_id, audit_retention from token.domain where audit_retention < $1 order by domain_id;

-- name: select_oldest_audit
select event_id from token.audit where domain_id = $1 order by event_id limit 1;

-- name: sweep_audit
select token.sweep_audit(p_domain_id => $1, p_after => $2, p_before => $3, p_rows => $4);
