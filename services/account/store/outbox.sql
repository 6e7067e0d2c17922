-- What is to be done at token. Each statement names its domain, but for those by which the worker finds what is due.

-- name: insert_order
-- An order that comes again takes the place of the first, and what there was to do is no younger by it. Not where the first
-- reaches further: it stays.
-- $1 domain, $2 user, $3 kind, $4 version, $5 actor, $6 roles, $7 now, $8 when the worker may take it
insert into account.outbox as o (
    domain_id, user_id, kind, version, actor, roles, created_at, ordered_at, due_at
) values ($1, $2, $3, $4, $5, $6, $7, $7, $8)
on conflict (domain_id, user_id, kind) do update set
    version = excluded.version, actor = excluded.actor, roles = excluded.roles, ordered_at = excluded.ordered_at,
    due_at = excluded.due_at, attempts = 0
where cardinality(excluded.roles) >= cardinality(o.roles);

-- name: delete_order
-- Not one that came since.
-- $1 domain, $2 user, $3 kind, $4 version
delete from account.outbox where domain_id = $1 and user_id = $2 and kind = $3 and version = $4
returning created_at;

-- name: select_due_orders
-- $1 now, $2 how many
select domain_id, user_id, kind, version, actor, roles, ordered_at, attempts
from account.outbox
where due_at <= $1
order by due_at
limit $2;

-- name: claim_order
-- No row: it was done, ordered anew, or another process is at it.
-- $1 domain, $2 user, $3 kind, $4 version, $5 now, $6 until when nobody else is to take it
update account.outbox set due_at = $6, attempts = attempts + 1
where domain_id = $1 and user_id = $2 and kind = $3 and version = $4 and due_at <= $5
returning attempts;

-- name: select_oldest_order
select min(created_at) from account.outbox;
