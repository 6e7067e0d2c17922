"""A domain, which is a tenant."""

import re
from dataclasses import dataclass
from datetime import timedelta

# Ids of domains, apps, access keys, push apps: what does not look so is nobody's, and no question to the database.
ID = re.compile(r"[A-Za-z0-9._#-]{1,64}")


@dataclass(frozen=True, slots=True)
class Domain:
    """A tenant.

    `scopes` are those of tokens that are got through an access key; `algorithm` that of new signing keys, which sign
    for `rotation_period`; audit rows are kept for `audit_retention`. An absent limit is none.
    """

    domain_id: str
    issuer: str
    scopes: tuple[str, ...]
    impersonate_superadmins: bool = False
    algorithm: str = "RS256"
    rotation_period: timedelta = timedelta(days=90)
    audit_retention: timedelta = timedelta(days=360)
    grants_per_second: int | None = None
    max_users: int | None = None
    max_apps: int | None = None
    name: str = ""

    @property
    def base_url(self) -> str:
        """Where the domain's endpoints stand: its issuer without the path that tells it from its neighbours."""
        return self.issuer.removesuffix(f"/d/{self.domain_id}")

    @property
    def token_endpoint(self) -> str:
        """URL of the token endpoint."""
        return self.endpoint("token")

    def endpoint(self, name: str) -> str:
        """URL of one of the OAuth endpoints, by the last part of its path."""
        return f"{self.base_url}/v2/oauth/{name}"

    def stands_at(self, host: str) -> bool:
        """Whether its issuer is at a host, given as `name:port`, or `name` for the scheme's own port."""
        return self.issuer.partition("://")[2].partition("/")[0] == host
