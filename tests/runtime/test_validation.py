"""The generic check of REQUIRED fields."""

import pytest
from tessera.account.v1 import account_service_pb2
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.errors import FieldMissing
from services.runtime.validation import check_required


def test_a_complete_request_passes() -> None:
    check_required(account_service_pb2.LinkAccountRequest(user_id="u", type="email", identity="a@b.example"))


@pytest.mark.parametrize("field", ["user_id", "type", "identity"])
def test_an_empty_required_field_is_named(field: str) -> None:
    values = {"user_id": "u", "type": "email", "identity": "a@b.example"} | {field: ""}
    with pytest.raises(FieldMissing) as caught:
        check_required(account_service_pb2.LinkAccountRequest(**values))
    assert caught.value.field == field


def test_a_required_message_must_be_there() -> None:
    request = token_service_pb2.IssueTokenRequest(domain_id="d", user_id="u", client_id="c")
    with pytest.raises(FieldMissing, match="proof"):
        check_required(request)
    request.proof.CopyFrom(token_pb2.Proof())
    check_required(request)
