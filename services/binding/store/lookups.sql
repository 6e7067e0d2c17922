-- What is bound. Each statement names its push app, and finds what is asked for by a key for each: a lateral subquery with
-- a limit is never joined in another way, whatever the table was like when the plan was made. What is asked for is put in
-- order first, so that a page reads no further than it shows.

-- name: select_tokens
-- $2 types, $3 accounts: an account each; of the first one what was bound before $4
select n.place, n.account_type, n.account, h.token, h.bound_at, h.op
from (
    select u.* from unnest($2::integer [], $3::text []) with ordinality as u (account_type, account, place)
    order by u.place
) as n
cross join lateral (
    select b.token, b.bound_at, b.op from binding.binding as b
    where b.access_id = $1 and b.account_type = n.account_type and b.account = n.account
        and b.op > 0 and b.op < case when n.place = 1 then $4 else 9223372036854775807 end
    order by b.op desc limit $5
) as h
order by n.place, h.op desc
limit $5;

-- name: select_accounts
-- $2 tokens; of the first one the types after $3
select n.place, n.token, h.account_type, h.account, h.bound_at, h.op
from (select u.* from unnest($2::text []) with ordinality as u (token, place) order by u.place) as n
cross join lateral (
    select b.account_type, b.account, b.bound_at, b.op from binding.binding as b
    where b.access_id = $1 and b.token = n.token
        and b.account_type > case when n.place = 1 then $3 else -1 end
    order by b.account_type limit $4
) as h
order by n.place, h.account_type
limit $4;

-- name: select_bindings
-- after token $2 and type $3
select b.token, b.account_type, b.account, b.bound_at, b.op from binding.binding as b
where b.access_id = $1 and (b.token, b.account_type) > ($2, $3)
order by b.token, b.account_type
limit $4;
