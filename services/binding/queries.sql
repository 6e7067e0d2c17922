-- Every statement of the binding service. Each names its push app. What they do is in migrations/0002_functions.sql: a
-- change takes several statements under locks, and all of it is one round trip.

-- name: overwrite_accounts
-- $4 tokens, $5 types, $6 accounts: a binding each
select binding.overwrite_accounts(
    p_access_id => $1, p_cap => $2, p_now => $3, p_tokens => $4, p_types => $5, p_accounts => $6
);

-- name: add_accounts
-- $4 tokens, $5 types, $6 accounts: a binding each
select binding.add_accounts(
    p_access_id => $1, p_cap => $2, p_now => $3, p_tokens => $4, p_types => $5, p_accounts => $6
);

-- name: unbind_accounts
-- $2 tokens, $3 types, $4 accounts: a binding each
select binding.unbind_accounts(p_access_id => $1, p_tokens => $2, p_types => $3, p_accounts => $4);

-- name: clear_tokens
select binding.clear_tokens(p_access_id => $1, p_tokens => $2);

-- name: clear_accounts
-- $2 types, $3 accounts: an account each
select binding.clear_accounts(p_access_id => $1, p_types => $2, p_accounts => $3);

-- name: list_tokens
-- $2 types, $3 accounts: an account each
select tokens from binding.list_tokens(p_access_id => $1, p_types => $2, p_accounts => $3);

-- name: list_accounts
select types, accounts from binding.list_accounts(p_access_id => $1, p_tokens => $2);
