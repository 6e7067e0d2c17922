"""What a domain lets its users do with their identities."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DomainSettings:
    """Settings of a domain; as they are made here, those of one that never set any. Version 0: never changed."""

    keep_last_identity: bool = False
    codes_per_hour: int = 1000
    updated_at: datetime | None = None
    version: int = 0
