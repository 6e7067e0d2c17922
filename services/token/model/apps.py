"""Apps, what proves them, and push apps."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

# What a push app's credential permits, however it was presented.
PUSH_PERMISSIONS = ("binding.read", "binding.write")


class AppType(StrEnum):
    """Type of an app, as the database spells it."""

    WEB_SERVER = "web_server"
    WEB_BROWSER = "web_browser"
    NATIVE = "native"
    JWT = "jwt"
    SERVICE = "service"


class AuthMethod(StrEnum):
    """How a client proves itself, as RFC 8414 spells it."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key of an app, and the one algorithm that it verifies."""

    key_id: str
    algorithm: str
    public_key: Any


@dataclass(frozen=True, slots=True)
class StoredTrustedKey:
    """A trusted key as it is kept: `public_key` is SubjectPublicKeyInfo in DER."""

    key_id: str
    algorithm: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class App:
    """An OAuth client.

    `secret_hashes` are SHA-256, at most two; `keys` those that are enabled. An absent `session_idle` or
    `session_lifetime` is the service's. `token_type` is header `typ` of its access tokens. Sessions that began until
    `sessions_revoked_at` are over. `skip_consent`: users are not asked what it may have of them; `device_flow`: it may
    ask for tokens on devices without a browser.
    """

    domain_id: str
    client_id: str
    type: AppType
    admitted: bool
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    push_access_ids: tuple[int, ...]
    secret_hashes: tuple[bytes, ...]
    grace: timedelta
    grace_repeats: int
    repeat_until_used: bool = False
    session_idle: timedelta | None = None
    session_lifetime: timedelta | None = None
    token_type: str = "JWT"  # noqa: S105 a type
    sessions_revoked_at: datetime | None = None
    keys: tuple[TrustedKey, ...] = ()
    name: str = ""
    description: str = ""
    logo: str = ""
    skip_consent: bool = False
    device_flow: bool = False


@dataclass(frozen=True, slots=True)
class AccessKeyLimits:
    """Where an access key's requests may come from and go to. No networks, or no paths: all."""

    paths: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    refuse_acs: bool = False

    def reach(self, path: str) -> bool:
        """Whether requests may be sent to a path: to those that are listed, and whatever is below them."""
        return not self.paths or any(path == each or path.startswith(each.rstrip("/") + "/") for each in self.paths)

    def admit(self, client: IPv4Address | IPv6Address | None) -> bool:
        """Whether requests may come from an address; `None`: from nobody knows where."""
        return not self.networks or (client is not None and any(client in network for network in self.networks))


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What a server signs its requests with. `secret` is sealed in the store and open in the directory."""

    domain_id: str
    access_key_id: str
    secret: bytes = field(repr=False)
    permissions: tuple[str, ...]
    enabled: bool
    limits: AccessKeyLimits


@dataclass(frozen=True, slots=True)
class PushApp:
    """What a push backend authenticates as. `secret` is sealed in the store and open in the directory."""

    domain_id: str
    access_id: int
    secret: bytes = field(repr=False)
    tokens_per_account: int
    append_enabled: bool

    def claim(self) -> dict[str, Any]:
        """The claim `push_app`."""
        return {
            "id": self.access_id,
            "tokens_per_account": self.tokens_per_account,
            "append_enabled": self.append_enabled,
        }
