-- Token's users, as account follows them. By feed, which tells of all domains; what is changed names its domain.

-- name: follow
-- No row: another process follows. The first one ever is to look up whom rows name.
-- $1 process, $2 now, $3 until when it is to be held
insert into account.followed_feed as f (feed, holder, held_until, sweep_at) values ('users', $1, $3, $2)
on conflict (feed) do update set holder = excluded.holder, held_until = excluded.held_until
where f.holder = excluded.holder or f.held_until <= $2
returning f.cursor;

-- name: unfollow
-- $1 process, $2 now
update account.followed_feed set held_until = $2 where feed = 'users' and holder = $1;

-- name: lock_followed
-- No row: another process follows by now. What the transaction does then may take longer than a call: of many users, or
-- of one with many links.
-- $1 process
select cursor, set_config('statement_timeout', '120s', true) from account.followed_feed where feed = 'users' and holder = $1 for update;

-- name: select_sweep
-- After whom to go on. No row: none is due, or it is not this process's.
-- $1 process, $2 now
select swept_domain_id as domain_id, swept_user_id as user_id from account.followed_feed
where feed = 'users' and holder = $1 and cursor <> '' and sweep_at <= $2;

-- name: set_followed_cursor
-- $1 cursor
update account.followed_feed set cursor = $1 where feed = 'users';

-- name: set_sweep
-- $1 when it is due, $2 domain and $3 user, after whom it goes on
update account.followed_feed set sweep_at = $1, swept_domain_id = $2, swept_user_id = $3 where feed = 'users';

-- name: lock_users
-- $1 domain, $2 users
select account.lock_users(array_fill($1::text, array[cardinality($2::text[])]), $2);

-- name: forget_users
select account.forget_users(p_domain_ids => $1, p_user_ids => $2, p_now => $3, p_actor => 'token');

-- name: delete_gone_users
-- They are there again. Locked in their order first, in which forget_users is given them, too.
-- $1 domains, $2 users
with back as materialized (
    select g.domain_id, g.user_id from account.gone_user g
    join unnest($1::text[], $2::text[]) w (domain_id, user_id) on w.domain_id = g.domain_id and w.user_id = g.user_id
    order by g.domain_id, g.user_id
    for update of g
)
delete from account.gone_user g using back where g.domain_id = back.domain_id and g.user_id = back.user_id;

-- name: delete_old_gone_users
-- $1 gone until then, $2 at the most
delete from account.gone_user g
using (
    select o.domain_id, o.user_id from account.gone_user o where o.gone_at < $1 order by o.gone_at limit $2
    for update skip locked
) old
where g.domain_id = old.domain_id and g.user_id = old.user_id;

-- name: select_known_users
-- Whom rows name, in order; each part by its index, which tells them in that order.
-- $1 domain, $2 user, after whom; $3 at the most
(
    select l.domain_id, l.user_id from account.link l where (l.domain_id, l.user_id) > ($1, $2)
    group by l.domain_id, l.user_id order by l.domain_id, l.user_id limit $3
)
union
(
    select a.domain_id, a.user_id from account.open_account a
    where (a.domain_id, a.user_id) > ($1, $2) and a.user_id <> ''
    group by a.domain_id, a.user_id order by a.domain_id, a.user_id limit $3
)
order by domain_id, user_id
limit $3;
