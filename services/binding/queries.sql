-- Every statement of the binding service. Each names its push app. What they do stands in migrations/0002_functions.sql:
-- a change takes several statements under locks, and all of it is one round trip.

-- name: overwrite_accounts
-- $1 app, $2 cap, $3 now; $4 tokens, $5 types, $6 accounts: a binding each
select binding.overwrite_accounts($1, $2, $3, $4, $5, $6);

-- name: add_accounts
-- $1 app, $2 cap, $3 now; $4 tokens, $5 types, $6 accounts: a binding each
select binding.add_accounts($1, $2, $3, $4, $5, $6);

-- name: unbind_accounts
-- $1 app; $2 tokens, $3 types, $4 accounts: a binding each
select binding.unbind_accounts($1, $2, $3, $4);

-- name: clear_tokens
-- $1 app, $2 tokens
select binding.clear_tokens($1, $2);

-- name: clear_accounts
-- $1 app; $2 types, $3 accounts: an account each
select binding.clear_accounts($1, $2, $3);

-- name: list_tokens
-- $1 app; $2 types, $3 accounts: an account each
select tokens from binding.list_tokens($1, $2, $3);

-- name: list_accounts
-- $1 app, $2 tokens
select types, accounts from binding.list_accounts($1, $2);
