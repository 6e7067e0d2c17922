"""The manual's page on open accounts names every code that an Action may answer."""

import re

from google.protobuf.descriptor import EnumDescriptor
from tessera.account.v1 import error_reason_pb2 as account_pb2
from tessera.runtime.v1 import error_reason_pb2 as runtime_pb2

from tests.support.pages import ROOT

PROTO = ROOT / "proto" / "tessera" / "account" / "v1" / "account_service.proto"
PAGE = ROOT / "docs" / "how-to" / "open-accounts.md"
# Of feeds, which no Action reads.
ELSEWHERE = {"CURSOR_EXPIRED"}


def words(enum: EnumDescriptor) -> dict[str, str]:
    """What the RPC style calls each reason that it has a word for."""
    option = runtime_pb2.DESCRIPTOR.extensions_by_name["dialect"]
    found = {value.name: value.GetOptions().Extensions[option].rpc for value in enum.values}
    return {name: word for name, word in found.items() if word}


def test_every_code_of_an_action_stands_in_the_manual() -> None:
    text = PROTO.read_text()
    service = text[text.index("service OpenAccountService") : text.index("// Request of LinkAccount.")]
    own = words(account_pb2.ErrorReason.DESCRIPTOR)
    told = set(re.findall(r"[A-Z]+(?:_[A-Z]+)+", service)) & set(own)
    assert len(told) >= 6
    codes = {own[name] for name in told}
    codes |= {word for name, word in words(runtime_pb2.ErrorReason.DESCRIPTOR).items() if name not in ELSEWHERE}
    # The first column of the last table.
    column = re.findall(r"^\| (`.*?) \|", PAGE.read_text().partition("| `Code` |")[2], re.MULTILINE)
    assert codes == set(re.findall(r"[\w.]+", " ".join(column)))
