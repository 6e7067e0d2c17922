"""Projects, their identity providers, and open accounts: identities of a project's own user system."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

PROVIDER_NAME = re.compile(r"(?!https?\Z)[A-Za-z0-9._-]{1,64}")
"""What a provider may be called. No colon, which ends the name in the identity of a link; nor what issuers begin with,
which stand in the identities of those who logged on with an OpenID provider."""

ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""How a provider may sign: RSA, P-256, Ed25519, each in its one way. No `none`, no HMAC."""

NORMAL, DISABLED = 0, 1


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An identity of a project's own user system.

    `identity_key` is the key of the link that the account is; empty of one that has a row of its own.
    """

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
    status: int = NORMAL
    type: int = 1
    version: int = 1
    identity_key: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """A set of open accounts."""

    domain_id: str
    project_id: str
    name: str
    created_at: datetime
    updated_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider of a project. Its keys are `jwks`, else behind `jwks_uri`, else named by its metadata."""

    domain_id: str
    project_id: str
    idp: str
    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks: str
    jwks_uri: str
    private_addresses: bool
    takes_links: bool
    created_at: datetime
    updated_at: datetime | None = None
    version: int = 1

    @property
    def place(self) -> tuple[object, ...]:
        """All that decides what its keys are."""
        return (self.project_id, self.idp, self.issuer, self.jwks_uri, self.jwks, self.private_addresses)


def mask_mobile(mobile: str) -> str:
    """A mobile number without its last four characters; empty where there is none: `1390000****`."""
    return mobile and mobile[:-4] + "****"
