"""Open accounts: identities of a project's own user system."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An identity of a project's own user system."""

    domain_id: str
    identity_id: uuid.UUID
    project_id: str
    idp: str
    open_id: str
    user_id: str
    display_name: str
    login_id: str
    mobile: str
    region: str
    create_access_key: str
    status: int = 0
    type: int = 1


def mask_mobile(mobile: str) -> str:
    """A mobile number without its last four characters; empty where there is none: `1390000****`."""
    return mobile and mobile[:-4] + "****"
