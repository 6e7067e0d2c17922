"""Messages of SigningKeyService to model and back."""

from datetime import datetime

from cryptography.hazmat.primitives import serialization
from tessera.token.v1 import signing_key_service_pb2 as pb2

from services.runtime.errors import FieldInvalid, FieldMissing
from services.runtime.pages import page_size, read_page_token, write_page_token
from services.token.convert.fields import timestamp
from services.token.convert.tokens import write_jwk
from services.token.keys import ACCESS, EDGE, REFRESH
from services.token.model import SigningKey

_USES = {
    ACCESS: pb2.SigningKey.USE_ACCESS,
    EDGE: pb2.SigningKey.USE_EDGE,
    REFRESH: pb2.SigningKey.USE_REFRESH,
}
_STATES = {
    "next": pb2.SigningKey.STATE_NEXT,
    "active": pb2.SigningKey.STATE_ACTIVE,
    "retiring": pb2.SigningKey.STATE_RETIRING,
    "retired": pb2.SigningKey.STATE_RETIRED,
}


def read_keys_page(message: pb2.ListSigningKeysRequest, domain_id: str) -> tuple[tuple[datetime, str] | None, int]:
    """After which key a page begins, by when it was made and its id, `None` for the first page; and how many."""
    key = read_page_token(message.page_token, _keys(domain_id), _moment, str)
    return (key[0], key[1]) if key else None, page_size(message.page_size)


def write_keys_page(keys: list[SigningKey], domain_id: str, *, more: bool) -> pb2.ListSigningKeysResponse:
    """A page of keys; `more`: whether there is another one."""
    following = write_page_token(_keys(domain_id), keys[-1].created_at.isoformat(), keys[-1].key_id) if more else ""
    return pb2.ListSigningKeysResponse(signing_keys=map(write_signing_key, keys), next_page_token=following)


def read_use(number: int) -> str:
    """What a key signs. Raises `FieldMissing`, `FieldInvalid`."""
    if number == pb2.SigningKey.USE_UNSPECIFIED:
        raise FieldMissing("use")
    for use, known in _USES.items():
        if number == known:
            return use
    raise FieldInvalid("use")


def write_signing_key(key: SigningKey) -> pb2.SigningKey:
    """A key, as far as it may be shown."""
    return pb2.SigningKey(
        key_id=key.key_id,
        use=_USES[key.use],
        state=_STATES[key.state],
        algorithm=key.algorithm,
        jwk=write_jwk(key.key_id, key.algorithm, serialization.load_der_public_key(key.public_key))
        if key.public_key
        else None,
        create_time=timestamp(key.created_at),
        activate_time=timestamp(key.activates_at),
        verify_until_time=timestamp(key.verify_until) if key.verify_until else None,
        retire_time=timestamp(key.retired_at) if key.retired_at else None,
        revoke_time=timestamp(key.revoked_at) if key.revoked_at else None,
    )


def _keys(domain_id: str) -> tuple[object, ...]:
    return ("ListSigningKeys", domain_id)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment
