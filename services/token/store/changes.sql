-- What every process is told when an admin call changed what it keeps in memory.

-- name: notify_change
select pg_notify('token_changes', $1);
