"""Messages of proofs to model."""

import re
from uuid import UUID

from tessera.account.v1 import account_service_pb2

from services.account.errors import ProofRefused
from services.account.model import MAX_IDENTITY_CHARS, Identity, normalise
from services.account.model.proofs import CODE, Presented, read_ticket
from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.validation import checked_text

_CODE = re.compile(r"[0-9]{6}")
_PURPOSES = ("", "link")


def read_proof(request: account_service_pb2.LinkAccountRequest) -> Presented | None:
    """The proof that a request presents; `None` where it presents none.

    Raises:
        FieldInvalid: a code and a ticket at once.
        ProofRefused: what can be no proof at all. A code without its id, and an id without its code, are none.
    """
    code = request.sms_code_id or request.sms_code
    if code and request.link_ticket:
        raise FieldInvalid("link_ticket")
    if not code and not request.link_ticket:
        return None
    proof = _read_code(request) if code else read_ticket(request.link_ticket)
    if proof is None:
        raise ProofRefused
    return proof


def _read_code(request: account_service_pb2.LinkAccountRequest) -> Presented | None:
    try:
        proof_id = UUID(request.sms_code_id)
    except ValueError:
        return None
    return Presented(CODE, proof_id, request.sms_code) if _CODE.fullmatch(request.sms_code) else None


def read_address(request: account_service_pb2.SendSmsCodeRequest) -> Identity:
    """The number or address that a code is to be sent to. Raises `FieldMissing`, `FieldInvalid`."""
    if request.type not in _PURPOSES:
        raise FieldInvalid("type")
    if request.email and request.phone_number:
        raise FieldInvalid("email")
    if request.email:
        field, type_, given = "email", "email", request.email
    else:
        field, type_, given = "phone_number", "mobile", request.phone_number
    if not given:
        raise FieldMissing(field)
    try:
        return normalise(type_, checked_text(field, given, MAX_IDENTITY_CHARS), request.phone_region)
    except FieldInvalid as error:
        raise FieldInvalid({"identity": field, "extra": "phone_region"}.get(error.field or "", field)) from None
