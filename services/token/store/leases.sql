-- Work that one process of all does at a time. Not by tenant: it is about all of them.

-- name: take_lease
-- One statement: of several that find it free, one gets it.
insert into token.lease (name, holder, expires_at) values ($1, $2, $4)
on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
where lease.holder = excluded.holder or lease.expires_at <= $3
returning name;

-- name: release_lease
delete from token.lease where name = $1 and holder = $2;
