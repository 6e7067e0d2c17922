"""Messages to model and back, and the rules of the wire.

What is wrong with a request as a whole is refused (`FIELD_MISSING`, `FIELD_INVALID`) before anything is changed. What
is wrong with one entry of a list is that entry's code.
"""

from collections.abc import Iterator, Sequence

from tessera.binding.v1 import binding_pb2, binding_service_pb2

from services.binding.actions.query_accounts import Found
from services.binding.convert.fields import (
    MAX_ACCOUNTS_OF_TOKEN,
    MAX_LISTED,
    check_count,
    is_account,
    is_account_type,
    is_token,
)
from services.binding.model import (
    Account,
    AccountsOf,
    Bind,
    ClearAccounts,
    ClearTokens,
    Code,
    Failed,
    Operation,
    Query,
    TokenAccounts,
    TokensOf,
    Unbind,
)
from services.runtime.errors import FieldInvalid

MAX_TOKEN_ACCOUNTS = 20

# An answer as the gateway prints it. Beyond TESSERA_GATEWAY_REPLY_BYTES, which is 32 MiB or more, Envoy refuses it
# in words of its own.
MAX_ANSWER_BYTES = 30 * 1024 * 1024

# Beside the texts: names, braces and numbers of an entry and its code, of an account in an entry, of a token in one.
_ENTRY_BYTES, _ACCOUNT_BYTES, _TOKEN_BYTES = 80, 40, 3
_ASCII = bytes(range(128))

# `ret_code` where some entries failed, and where all did.
PARTLY_FAILED = 1008026
ALL_FAILED = 1008027


def read_operation(request: binding_service_pb2.BatchOperateAccountsRequest) -> Operation:
    """Read what is to be done.

    Raises:
        FieldMissing: the list that the operator reads is empty.
        FieldInvalid: an unknown operator, too long a list, a default account type that is none.
    """
    match request.operator_type:
        case 1 | 2:
            return Bind(_read_token_accounts(request), may_add=request.operator_type == 1)
        case 3:
            return Unbind(_read_token_accounts(request))
        case 4:
            return ClearTokens(_read_tokens(request.token_list))
        case 5:
            return ClearAccounts(_read_accounts(request.account_list, request.account_type))
    raise FieldInvalid("operator_type")


def read_query(request: binding_service_pb2.QueryAccountsRequest) -> Query:
    """Read what is asked. Raises as `read_operation`."""
    match request.operator_type:
        case 1:
            return TokensOf(_read_accounts(request.account_list, request.account_type))
        case 2:
            return AccountsOf(_read_tokens(request.token_list))
    raise FieldInvalid("operator_type")


def write_outcome(codes: Sequence[str]) -> binding_service_pb2.BatchOperateAccountsResponse:
    """Write what became of each entry."""
    failed = sum(code != Code.OK for code in codes)
    if not failed:
        ret_code, err_msg = 0, "NO_ERROR"
    elif failed < len(codes):
        ret_code, err_msg = PARTLY_FAILED, f"{failed} of {len(codes)} entries failed."
    else:
        ret_code, err_msg = ALL_FAILED, "All entries failed."
    return binding_service_pb2.BatchOperateAccountsResponse(ret_code=ret_code, err_msg=err_msg, result=codes)


def write_found(found: Found) -> binding_service_pb2.QueryAccountsResponse:
    """Write what was found, and the code of each entry.

    Raises:
        FieldInvalid: that is more than an answer may hold.
    """
    if _printed_bytes(found) > MAX_ANSWER_BYTES:
        field = "account_list" if found.account_tokens else "token_list"
        raise FieldInvalid(field, "What is asked for is more than an answer may hold. Ask for less at a time.")
    return binding_service_pb2.QueryAccountsResponse(
        ret_code=0,
        err_msg="ok",
        result=found.codes,
        account_tokens=[
            binding_pb2.AccountTokens(
                account=entry.account.account, account_type=entry.account.account_type, token_list=entry.tokens
            )
            for entry in found.account_tokens
        ],
        token_accounts=[
            binding_pb2.TokenAccounts(
                token=entry.token,
                account_list=[
                    binding_pb2.Account(account=account.account, account_type=account.account_type)
                    for account in entry.accounts
                ],
            )
            for entry in found.token_accounts
        ],
    )


def _printed_bytes(found: Found) -> int:
    """How large the entries of an answer are in JSON, or a little more."""
    texts = "".join(_texts(found)).encode()
    # The first two become `\u003c` and `\u003e`, the next two have a backslash before them; some letters beyond ASCII
    # are escaped, to thrice their bytes at the most.
    escaped = 5 * (texts.count(b"<") + texts.count(b">")) + texts.count(b'"') + texts.count(b"\\")
    escaped += 2 * len(texts.translate(None, _ASCII))
    accounts = sum(len(entry.accounts) for entry in found.token_accounts)
    tokens = sum(len(entry.tokens) for entry in found.account_tokens)
    return len(texts) + escaped + len(found.codes) * _ENTRY_BYTES + accounts * _ACCOUNT_BYTES + tokens * _TOKEN_BYTES


def _texts(found: Found) -> Iterator[str]:
    for of_account in found.account_tokens:
        yield of_account.account.account
        yield from of_account.tokens
    for of_token in found.token_accounts:
        yield of_token.token
        yield from (account.account for account in of_token.accounts)


def _read_token_accounts(
    request: binding_service_pb2.BatchOperateAccountsRequest,
) -> list[TokenAccounts | Failed]:
    check_count("token_accounts", request.token_accounts, MAX_TOKEN_ACCOUNTS)
    _check_default_type(request.account_type)
    default_type = request.account_type
    return [_read_entry(entry, default_type) for entry in request.token_accounts]


def _read_entry(entry: binding_pb2.TokenAccounts, default_type: int) -> TokenAccounts | Failed:
    if not is_token(entry.token):
        return Failed(Code.BAD_TOKEN)
    accounts = tuple([_read_account(account, default_type) for account in entry.account_list])
    if not 1 <= len(accounts) <= MAX_ACCOUNTS_OF_TOKEN or not all(map(is_account, accounts)):
        return Failed(Code.BAD_ACCOUNT)
    return TokenAccounts(entry.token, accounts)


def _read_tokens(tokens: Sequence[str]) -> list[str | Failed]:
    check_count("token_list", tokens, MAX_LISTED)
    return [token if is_token(token) else Failed(Code.BAD_TOKEN) for token in tokens]


def _read_accounts(messages: Sequence[binding_pb2.Account], default_type: int) -> list[Account | Failed]:
    check_count("account_list", messages, MAX_LISTED)
    _check_default_type(default_type)
    accounts = [_read_account(message, default_type) for message in messages]
    return [account if is_account(account) else Failed(Code.BAD_ACCOUNT) for account in accounts]


def _read_account(message: binding_pb2.Account, default_type: int) -> Account:
    named = message.HasField("account_type")
    return Account(message.account_type if named else default_type, message.account)


def _check_default_type(account_type: int) -> None:
    if not is_account_type(account_type):
        raise FieldInvalid("account_type")
