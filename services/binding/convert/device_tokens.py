"""Messages of DeviceTokenService to model and back. Whatever is wrong with one entry refuses the call."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tessera.binding.v1 import device_token_service_pb2 as pb2

from services.binding.actions.list_bindings import BindingsPage
from services.binding.convert.fields import (
    MAX_ACCOUNTS_OF_TOKEN,
    MAX_LISTED,
    check_count,
    is_account,
    is_account_type,
    is_token,
)
from services.binding.model import Account, Binding, Kind, Page, Place, Row, TokenAccounts
from services.runtime.auth import PushApp
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.pages import bigint, read_page_token, write_page_token

# To read the accounts of an entry takes up to 0.2 ms, and other calls are not to wait for a thousand of them.
_AT_ONCE = 20

_KINDS = {
    pb2.BatchBindRequest.MODE_UNSPECIFIED: Kind.REPLACE,
    pb2.BatchBindRequest.MODE_REPLACE: Kind.REPLACE,
    pb2.BatchBindRequest.MODE_ADD: Kind.ADD,
}


async def read_bound(request: pb2.BatchBindRequest) -> tuple[Kind, Sequence[TokenAccounts]]:
    """What is to be bound, and how. Lets other calls go on in between.

    Raises:
        FieldInvalid: a mode that is none; more than 1,000 tokens, or one that is none, with an account that is none, or
            with more than 100 of them, where accounts are added over all of its entries.
    """
    kind = _KINDS.get(request.mode)
    if kind is None:
        raise FieldInvalid("mode")
    check_count("device_tokens", request.device_tokens, MAX_LISTED)
    entries = []
    named: Counter[str] = Counter()
    for place, asked in enumerate(request.device_tokens):
        if place % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)
        field = f"device_tokens[{place}]"
        entries.append(TokenAccounts(_token(asked.token, f"{field}.token"), _accounts(asked.accounts, field)))
        named[asked.token] += len(asked.accounts)
        if (named[asked.token] if kind is Kind.ADD else len(asked.accounts)) > MAX_ACCOUNTS_OF_TOKEN:
            raise FieldInvalid(
                f"{field}.accounts", f"A token is bound to at most {MAX_ACCOUNTS_OF_TOKEN} accounts by one call."
            )
    return kind, entries


def read_unbound(request: pb2.BatchUnbindRequest) -> Sequence[Row]:
    """What is to be unbound.

    Raises:
        FieldMissing: an entry names neither token nor account.
        FieldInvalid: more than 1,000 entries, or a token or account that is none.
    """
    check_count("unbindings", request.unbindings, MAX_LISTED)
    return [_row(asked, f"unbindings[{place}]") for place, asked in enumerate(request.unbindings)]


def read_tokens(request: pb2.ListAccountsRequest) -> Sequence[str]:
    """Tokens whose accounts are asked for, each once. Raises `FieldInvalid`."""
    check_count("tokens", request.tokens, MAX_LISTED)
    return list(dict.fromkeys(_token(token, f"tokens[{place}]") for place, token in enumerate(request.tokens)))


def read_accounts(request: pb2.ListTokensRequest | pb2.StreamTokensRequest) -> Sequence[Account]:
    """Accounts whose tokens are asked for, each once. Raises `FieldInvalid`."""
    check_count("accounts", request.accounts, MAX_LISTED)
    return list(dict.fromkeys(_accounts(request.accounts)))


def read_place(
    request: pb2.ListAccountsRequest | pb2.ListTokensRequest, push_app: PushApp, asked: Sequence[object]
) -> Place | None:
    """Where a page of the bindings of what is asked for begins; `None`: it is the first. Raises `FieldInvalid`."""
    read_key = bigint if isinstance(request, pb2.ListTokensRequest) else _account_type
    key = read_page_token(request.page_token, _query(request, push_app, asked), bigint, read_key)
    if key is None:
        return None
    place = Place(*key)
    if not 0 <= place.entry < len(asked):
        raise FieldInvalid("page_token")
    return place


def read_last(request: pb2.ListBindingsRequest, push_app: PushApp) -> tuple[str, int] | None:
    """Token and type that come before a page of all bindings; `None`: it is the first. Raises `FieldInvalid`."""
    return read_page_token(request.page_token, _query(request, push_app), str, _account_type)


def write_place(
    request: pb2.ListAccountsRequest | pb2.ListTokensRequest, push_app: PushApp, asked: Sequence[object], page: Page
) -> str:
    """The token of the page that follows one; empty where none does."""
    if page.following is None:
        return ""
    return write_page_token(_query(request, push_app, asked), page.following.entry, page.following.key)


def write_bindings_page(
    request: pb2.ListBindingsRequest, push_app: PushApp, page: BindingsPage
) -> pb2.ListBindingsResponse:
    """A page of all bindings, with the token of the next one."""
    token = ""
    if page.more:
        last = page.bindings[-1]
        token = write_page_token(_query(request, push_app), last.token, last.account.account_type)
    return pb2.ListBindingsResponse(bindings=write_bindings(page.bindings), next_page_token=token, cursor=page.cursor)


def write_bindings(bindings: Iterable[Binding]) -> list[pb2.Binding]:
    """Bindings, in their order."""
    written = []
    for binding in bindings:
        message = pb2.Binding(
            token=binding.token,
            account=pb2.TypedAccount(account=binding.account.account, type=binding.account.account_type),
        )
        message.bind_time.FromDatetime(binding.bound_at)
        written.append(message)
    return written


def _token(token: str, field: str) -> str:
    if not is_token(token):
        raise FieldInvalid(field)
    return token


def _accounts(messages: Sequence[pb2.TypedAccount], of: str = "") -> tuple[Account, ...]:
    within = f"{of}." if of else ""
    return tuple(_account(message, f"{within}accounts[{place}]") for place, message in enumerate(messages))


def _account(message: pb2.TypedAccount, field: str) -> Account:
    account = Account(message.type, message.account)
    if not is_account_type(account.account_type):
        raise FieldInvalid(f"{field}.type")
    if not is_account(account):
        raise FieldInvalid(f"{field}.account")
    return account


def _row(asked: pb2.Unbinding, field: str) -> Row:
    if not asked.token and not asked.HasField("account"):
        raise FieldMissing(f"{field}.token")
    return Row(
        _token(asked.token, f"{field}.token") if asked.token else None,
        _account(asked.account, f"{field}.account") if asked.HasField("account") else None,
    )


def _account_type(text: str) -> int:
    """A type as it stands in a page token. Raises `ValueError`."""
    account_type = int(text)
    if not is_account_type(account_type):
        raise ValueError
    return account_type


def _query(request: Any, push_app: PushApp, asked: Sequence[object] = ()) -> tuple[object, ...]:
    return (request.DESCRIPTOR.name, push_app.access_id, *asked)
