"""Settings of the binding service."""

from dataclasses import dataclass

from services.runtime.env import Address, setting
from services.runtime.server import ServerSettings


@dataclass(frozen=True, kw_only=True)
class BindingSettings(ServerSettings):
    """What the binding service is told by its environment, beside what every service is told."""

    token_address: tuple[Address, ...] = setting(
        "host:port of the token service's workers: IP addresses, by commas, or one host name"
    )
