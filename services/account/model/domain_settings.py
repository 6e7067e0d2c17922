"""What a domain lets its users do with their identities, and how it looks to them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FirstLogon(StrEnum):
    """What becomes of who logs on with an identity that no user has."""

    CREATE = "create"
    """A new user."""
    LINK_OR_CREATE = "link_or_create"
    """The person chooses: to prove to be a user that is there, or to be a new one."""
    LINK = "link"
    """The person has to prove to be a user that is there."""
    REFUSE = "refuse"
    """The person is not let in."""


@dataclass(frozen=True, slots=True)
class LogonPage:
    """How the logon pages of a domain look; what is empty is as where nothing is set.

    Args:
        display_name: name that the domain goes by.
        logo_url: https URL of its logo.
        accent_color: of buttons, `#rrggbb` in small letters; white text can be read on it.
    """

    display_name: str = ""
    logo_url: str = ""
    accent_color: str = ""


@dataclass(frozen=True, slots=True)
class DomainSettings:
    """Settings of a domain; as they are made here, those of one that never set any. Version 0: never changed."""

    keep_last_identity: bool = False
    codes_per_hour: int = 1000
    first_logon: FirstLogon = FirstLogon.CREATE
    page: LogonPage = LogonPage()
    updated_at: datetime | None = None
    version: int = 0


def contrast_with_white(color: str) -> float:
    """The contrast ratio of a colour, `#rrggbb`, and white: 1 to 21 (WCAG 2.2, "contrast ratio")."""
    channels = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
