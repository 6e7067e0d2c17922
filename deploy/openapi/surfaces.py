"""The surfaces as strangers see them: which calls belong to each, how a caller proves itself, how errors look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.reasons import Words

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface.

    Args:
        tag: its heading.
        description: what stands under it.
        prefix: what the paths of its calls begin with.
        security: ways to prove oneself, where a call asks for that; names of `SECURITY_SCHEMES`.
        error: name of the schema of its errors, in `ERRORS`.
        word: finds the surface's word for a reason.
        member: the member of an error that holds this word.
        signed: reasons for which a request that an access key signed is refused, beside those of every call.
    """

    tag: str
    description: str
    prefix: str
    security: tuple[str, ...]
    error: str
    word: Callable[[Words], object]
    member: str
    signed: tuple[str, ...] = ()


_SIGNED = (
    "SIGNATURE_INCOMPLETE",
    "SIGNATURE_METHOD_INVALID",
    "SIGNATURE_NONCE_MISSING",
    "TIMESTAMP_MISSING",
    "TIMESTAMP_MALFORMED",
    "DIGEST_MISMATCHED",
)
_SIGNED_PDS = (*_SIGNED, "SIGNATURE_REFUSED", "DATE_SKEWED", "NONCE_REPEATED")
_SIGNED_RPC = (
    *_SIGNED,
    "ACCESS_KEY_ID_MISSING",
    "SIGNATURE_MISSING",
    "SIGNATURE_VERSION_MISSING",
    "ACCESS_KEY_UNKNOWN",
    "ACCESS_KEY_INACTIVE",
    "TIMESTAMP_EXPIRED",
    "SIGNATURE_MISMATCHED",
    "SIGNATURE_NONCE_USED",
)

OAUTH = Surface(
    tag="Tokens",
    description="Who may speak: the endpoints of an OAuth 2.0 server, in the words of RFC 6749.",
    prefix="/v2/oauth/",
    security=("client",),
    error="OAuthError",
    word=lambda words: words.oauth,
    member="error",
)
USERS = Surface(
    tag="Users",
    description="Users of the domain, and what an administrator does with them. Every call stays in the domain of its "
    "credential. In place of an access token an access key may sign the request, as PDS's clients do.",
    prefix="/v2/user/",
    security=("access_token",),
    error="Error",
    word=lambda words: words.pds,
    member="code",
    signed=_SIGNED_PDS,
)
ACCOUNTS = Surface(
    tag="Accounts",
    description="Who is this person: identities linked to users. Every call stays in the domain of its credential: "
    "what another domain has does not exist here. In place of an access token an access key may sign the request, as "
    "PDS's clients do.",
    prefix="/v2/",
    security=("access_token",),
    error="Error",
    word=lambda words: words.pds,
    member="code",
    signed=_SIGNED_PDS,
)
ACTIONS = Surface(
    tag="Open accounts",
    description="Identities of a project's own user system, in the RPC style: one path, the call is named by `Action`. "
    "Parameters stand in the query or, with POST, in a form; both are read together. Answers and errors are XML, "
    "unless `Format=JSON` asks for JSON. In place of an access token an access key may sign the call, as the vendor's "
    "clients do.",
    prefix="/rpc/",
    security=("access_token",),
    error="ActionError",
    word=lambda words: words.rpc,
    member="Code",
    signed=_SIGNED_RPC,
)
DEVICES = Surface(
    tag="Devices",
    description="Where is this person reached: device tokens bound to accounts. The push app is that of the "
    "credential, whose id and key may also sign the request, in the headers AccessId, TimeStamp and Sign. Every answer "
    "is HTTP 200; `ret_code` says what became of the call.",
    prefix="/v3/",
    security=("push_app", "push_access_token"),
    error="DeviceError",
    word=lambda words: words.tpns,
    member="ret_code",
)
DISCOVERY = Surface(
    tag="Discovery",
    description="Keys and metadata of an issuer, for whoever verifies access tokens. Each domain is an issuer.",
    prefix="/",
    security=(),
    error="Error",
    word=lambda words: words.pds,
    member="code",
)

# The first whose prefix fits.
SURFACES = (OAUTH, USERS, ACCOUNTS, ACTIONS, DEVICES, DISCOVERY)


def surface_of(path: str) -> Surface:
    """The surface of a path, as proto/ writes it."""
    return next(surface for surface in SURFACES if path.startswith(surface.prefix))


# Of calls on /v3 that may be made again: services/binding/service/idempotency_key.py reads it.
IDEMPOTENCY_KEY: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "`request_id` of the body, as a header: a UUIDv7, at most 24 hours old, in double quotes or "
    "without. A header that stands twice, or that says another id than the body, is refused.",
    "schema": {"type": "string"},
}

# What the gateway and the services take; services/token/edge/surfaces.py has what is exchanged at the gateway.
SECURITY_SCHEMES: Mapping[str, Schema] = {
    "access_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of `POST /v2/oauth/token`.",
    },
    "client": {
        "type": "http",
        "scheme": "basic",
        "description": "`client_id` and `client_secret` of an app, each form-encoded (RFC 6749 section 2.3.1). Both "
        "may stand in the body instead, or `client_assertion` in place of the secret; a client without a secret sends "
        "`client_id` alone.",
    },
    "openid": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token of a user that has the scope `openid`.",
    },
    "push_app": {
        "type": "http",
        "scheme": "basic",
        "description": "Access id and secret key of a push app.",
    },
    "push_access_token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token that was asked for with the scope `push:{access_id}`.",
    },
}


def _object(description: str, properties: Mapping[str, tuple[str, str]], **more: Any) -> Schema:
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": {name: {"type": kind, "description": text} for name, (kind, text) in properties.items()},
        **more,
    }


_MESSAGE = ("string", "What went wrong, in words. Not to be relied on.")

ERRORS: Mapping[str, Schema] = {
    "OAuthError": _object(
        "An error of an OAuth endpoint (RFC 6749 section 5.2), with the members of the other /v2 calls beside it.",
        {
            "error": ("string", "The RFC's code."),
            "error_description": ("string", "What went wrong, in ASCII. Not to be relied on."),
            "code": ("string", "The code as on the other /v2 calls."),
            "message": _MESSAGE,
        },
    ),
    "Error": _object(
        "An error of /v2, of discovery, and of a path that is not there.",
        {"code": ("string", "Which error it is."), "message": _MESSAGE},
    ),
    "ActionError": _object(
        "An error of the RPC style.",
        {
            "RequestId": ("string", "Id of the request, an upper-case UUID."),
            "HostId": ("string", "Host that was called."),
            "Code": ("string", "Which error it is."),
            "Message": _MESSAGE,
        },
        xml={"name": "Error"},
    ),
    "DeviceError": {
        **_object(
            "An error of /v3, with HTTP status 200.",
            {"ret_code": ("integer", "Which error it is."), "err_msg": _MESSAGE},
        ),
        "required": ["ret_code", "err_msg", "result"],
    },
}
ERRORS["DeviceError"]["properties"] |= {
    "result": {"type": "array", "items": {"type": "string"}, "maxItems": 0, "description": "Empty."},
    "retCode": {"type": "integer", "description": "`ret_code` once more, on `query` alone."},
    "errMsg": {"type": "string", "description": "`err_msg` once more, on `query` alone."},
}
