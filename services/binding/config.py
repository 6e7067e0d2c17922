"""Settings of the binding service."""

from dataclasses import dataclass

from services.runtime.settings import FollowerSettings


@dataclass(frozen=True, kw_only=True)
class BindingSettings(FollowerSettings):
    """What the binding service is told by its environment: what every service is told that follows token."""
