"""Settings of the token service."""

from dataclasses import dataclass
from datetime import timedelta

from services.runtime.env import setting
from services.runtime.settings import ServerSettings
from services.runtime.vault import MasterKey

MAX_ACCESS_TOKEN = timedelta(days=1)
"""The longest that an access token may live."""
MAX_SESSION = timedelta(days=180)
"""The longest that a session may last."""


@dataclass(frozen=True, kw_only=True)
class TokenSettings(ServerSettings):
    """What the token service is told by its environment."""

    master_key: MasterKey = setting("encrypts private keys and secrets at rest: 32 bytes in base64", secret=True)
    default_domain: str = setting("domain of JWKS and metadata where a request names none", default="bj1")
    access_token_lifetime: timedelta = setting(
        "seconds that an access token lives",
        default=timedelta(hours=2),
        minimum=60,
        maximum=MAX_ACCESS_TOKEN.total_seconds(),
    )
    session_idle: timedelta = setting(
        "seconds after which a refresh token that nobody used is dead",
        default=timedelta(days=30),
        minimum=60,
        maximum=MAX_SESSION.total_seconds(),
    )
    session_lifetime: timedelta = setting(
        "seconds after which a session ends, however often it is refreshed",
        default=timedelta(days=180),
        minimum=60,
        maximum=MAX_SESSION.total_seconds(),
    )
    key_publish_ahead: timedelta = setting(
        "seconds that a new signing key is published before it signs: the longest that anybody may keep a JWKS",
        default=timedelta(hours=1),
        # Services ask for the keys twice a minute.
        minimum=60,
        maximum=7 * 86_400,
    )
    workers: int = setting(
        "processes of this service in all, on all hosts: each gives its part of a domain's grants a second; one that "
        "starts several workers tells them how many, where this is not set",
        default=1,
        minimum=1,
        maximum=10_000,
    )
