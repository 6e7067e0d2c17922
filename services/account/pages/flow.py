"""A logon that is under way: all that is known of it travels in a sealed cookie of the browser."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.account.connectors import Kept, Proven
from services.account.model import Identity, shown
from services.account.model.logon import Device

LIFETIME = timedelta(minutes=30)
"""How long a person may take."""

_NONCE_BYTES = 12
# What browsers keep of a cookie, with its name and attributes, is 4,096 bytes.
_MAX_SEALED_CHARS = 3_800


class FlowTooLargeError(ValueError):
    """More is known than a cookie holds: an app asked with too much."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What an app asked for, or a device; checked.

    Args:
        client_id: the app.
        redirect_uri: where the answer goes; empty: nowhere, a device polls for it.
        state: given back; empty: none.
        scopes: asked for.
        nonce: OpenID's; empty: none.
        code_challenge: of method S256; empty: none.
        consent: whether the person is asked again what was let before.
        login_hint: who is likely to log on; empty: unknown.
        login_type: the vendor's word for the way that the app wants; `default`: any.
        user_code: of the device that asks, as its user entered it; empty: an app in this browser does.
        device: what it asks; `None`: none does.
        fresh_from: seconds since 1970: who was proven before has to be proven again.
        language: of the pages, that the app wants; empty: any.
    """

    client_id: str
    redirect_uri: str
    state: str
    scopes: tuple[str, ...]
    nonce: str
    code_challenge: str
    consent: bool
    login_hint: str
    login_type: str = "default"
    user_code: str = ""
    device: Device | None = None
    fresh_from: float = 0.0
    language: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A code that is on its way.

    Args:
        code_id: its id.
        identity: where it went.
    """

    code_id: str
    identity: Identity


@dataclass(frozen=True, slots=True)
class Left:
    """A browser that is away, at a user system.

    Args:
        user_system_id: which.
        kept: what its answer has to fit.
    """

    user_system_id: str
    kept: Kept


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who was proven and whose identity no user has yet; who has to say whose it is to be.

    Args:
        identity: what was proven.
        display_name, avatar: as `connectors.Proven`.
        user_system_id: where it was proven.
    """

    identity: Identity
    display_name: str
    avatar: str
    user_system_id: str

    @property
    def name(self) -> str:
        """What the person knows the identity by."""
        return self.display_name or shown(self.identity)

    @property
    def person(self) -> Proven:
        """Who it is."""
        return Proven(self.identity, self.display_name, self.avatar)


@dataclass(frozen=True, slots=True)
class Flow:
    """A logon that is under way in one tab of one browser.

    Args:
        flow_id: 128 random bits, in base64url: stands in the addresses of its pages.
        csrf: the same much, which its forms give back and nobody else knows.
        domain_id: where somebody logs on.
        begun_at: seconds since 1970.
        ask: what for; `None`: to look at one's own account, or to enter the code of a device.
        link: the session to whose user an identity is to be added; empty: somebody logs on.
        user_code: that of a device, as it was entered before its user was logged on; empty: none was.
        sent, left, newcomer: how far it has come.
        done: what it came to, as the key of a text; empty: it goes on.
        anew: whether whoever is logged on has to be proven anew, for what no app asked for.
    """

    flow_id: str
    csrf: str
    domain_id: str
    begun_at: int
    ask: Ask | None
    link: str = ""
    user_code: str = ""
    sent: Sent | None = None
    left: Left | None = None
    newcomer: Newcomer | None = None
    done: str = ""
    anew: bool = False

    @property
    def is_anew(self) -> bool:
        """Whether a user system is not to go by a logon of before."""
        return self.anew or bool(self.ask and self.ask.fresh_from)

    @property
    def login_hint(self) -> str:
        """Who is likely to log on; empty: unknown."""
        return self.ask.login_hint if self.ask else ""

    def with_code(self, sent: Sent) -> "Flow":
        """The same, with a code on its way and the browser here."""
        return replace(self, sent=sent, left=None)

    def away(self, left: Left) -> "Flow":
        """The same, with the browser away and no code on its way."""
        return replace(self, sent=None, left=left)

    def here(self, newcomer: Newcomer | None) -> "Flow":
        """The same, with nothing under way."""
        return replace(self, sent=None, left=None, newcomer=newcomer)

    def ended(self, done: str) -> "Flow":
        """The same at its end: nothing goes on, and who goes back to it is told so."""
        return replace(self.here(None), done=done)


def begin(
    domain_id: str, now: datetime, ask: Ask | None, *, link: str = "", user_code: str = "", anew: bool = False
) -> Flow:
    """A new one."""
    flow_id, csrf = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    return Flow(flow_id, csrf, domain_id, int(now.timestamp()), ask, link, user_code, anew=anew)


class FlowSeal:
    """Seals flows, so that a browser can neither read nor change what it keeps.

    Args:
        key: 32 bytes that all replicas have.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, flow: Flow) -> bytes:
        """The sealed flow. Raises `FlowTooLargeError`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps(asdict(flow), ensure_ascii=False, separators=(",", ":")).encode()
        sealed = nonce + self._cipher.encrypt(nonce, plain, flow.flow_id.encode())
        if len(sealed) * 4 // 3 > _MAX_SEALED_CHARS:
            raise FlowTooLargeError
        return sealed

    def open(self, sealed: bytes, flow_id: str, now: datetime) -> Flow | None:
        """The flow of an id; `None` where that is not it, or where it took too long."""
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], flow_id.encode())
        except (InvalidTag, ValueError):
            return None
        try:
            flow = _read(json.loads(plain))
        except (KeyError, TypeError):
            # Of a release that keeps something else.
            return None
        return flow if now.timestamp() - flow.begun_at < LIFETIME.total_seconds() else None


def _read(values: Mapping[str, Any]) -> Flow:
    ask, sent, left, newcomer = (values[name] for name in ("ask", "sent", "left", "newcomer"))
    return Flow(
        **{name: values[name] for name in ("flow_id", "csrf", "domain_id", "begun_at", "link", "user_code")},
        ask=_read_ask(ask) if ask else None,
        sent=Sent(**(sent | {"identity": Identity(**sent["identity"])})) if sent else None,
        left=Left(**(left | {"kept": Kept(**left["kept"])})) if left else None,
        # The release before has none.
        done=values.get("done", ""),
        newcomer=Newcomer(**(newcomer | {"identity": Identity(**newcomer["identity"])})) if newcomer else None,
        anew=values.get("anew", False),
    )


def _read_ask(values: Mapping[str, Any]) -> Ask:
    device = values["device"]
    read = {
        "scopes": tuple(values["scopes"]),
        "device": Device(**(device | {"scopes": tuple(device["scopes"])})) if device else None,
    }
    return Ask(**(dict(values) | read))
