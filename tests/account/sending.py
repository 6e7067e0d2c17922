"""Messages as senders are handed them."""

from dataclasses import replace
from typing import Any

from services.account.senders import Message

CODE = "271828"


def message(type_: str = "email", **changed: Any) -> Message:
    """A code for somebody."""
    address = "ann@example.com" if type_ == "email" else "+8613900001234"
    usual = Message(type_, address, CODE, purpose="logon", minutes=5, domain_id="bj1", name="Cars")
    return replace(usual, **changed)
