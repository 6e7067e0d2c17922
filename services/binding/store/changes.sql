-- How bindings change: one round trip, by the functions of migrations/0004_apply.sql.

-- name: apply
-- $3 to $6: a call each; $7 to $10: a row each
select binding.apply(
    p_wait => $1, p_now => $2,
    p_access_ids => $3, p_operation_ids => $4, p_kinds => $5, p_caps => $6,
    p_items => $7, p_tokens => $8, p_types => $9, p_accounts => $10
);

-- name: apply_once
-- $6 to $8: a row each
select digest, operation_id, result, done
from binding.apply_once(
    p_now => $1, p_access_id => $2, p_operation_id => $3, p_kind => $4, p_cap => $5,
    p_tokens => $6, p_types => $7, p_accounts => $8,
    p_request_id => $9, p_digest => $10, p_result => $11, p_from => $12, p_to => $13
);
