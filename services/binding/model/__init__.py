"""What the binding service knows, and the pure rules about it, a module a noun."""

from services.binding.model.bindings import Account, AccountTokens, Binding, TokenAccounts
from services.binding.model.changes import Change, Kind, Once, Outcome, Part, Row, bound, parts, unbound
from services.binding.model.listings import Page, Place, page_of
from services.binding.model.operations import (
    AccountsOf,
    Bind,
    ClearAccounts,
    ClearTokens,
    Code,
    Failed,
    Operation,
    Query,
    TokensOf,
    Unbind,
    code_of,
    good,
)

__all__ = [
    "Account",
    "AccountTokens",
    "AccountsOf",
    "Bind",
    "Binding",
    "Change",
    "ClearAccounts",
    "ClearTokens",
    "Code",
    "Failed",
    "Kind",
    "Once",
    "Operation",
    "Outcome",
    "Page",
    "Part",
    "Place",
    "Query",
    "Row",
    "TokenAccounts",
    "TokensOf",
    "Unbind",
    "bound",
    "code_of",
    "good",
    "page_of",
    "parts",
    "unbound",
]
