"""How many users and apps a domain may have: checked in the transaction that makes one more."""

from datetime import datetime

from services.token.errors import QuotaExceeded
from services.token.limits import EXCEEDED
from services.token.model import Domain
from services.token.store import Statements


async def check_users(unit: Statements, domain: Domain, now: datetime) -> None:
    """See that a domain may have one more user.

    Args:
        unit: the transaction that goes on to make the user; others of the domain wait until it ends.
        domain: the domain.
        now: the time.

    Raises:
        QuotaExceeded: it has as many as it may.
    """
    if domain.max_users is not None and not await unit.check_user_limit(domain.domain_id, domain.max_users, now):
        EXCEEDED.labels("max_users").inc()
        raise QuotaExceeded(detail=f"domain {domain.domain_id}: {domain.max_users} users")


async def check_apps(unit: Statements, domain: Domain) -> None:
    """See that a domain may have one more app: as `check_users`."""
    if domain.max_apps is not None and not await unit.check_app_limit(domain.domain_id, domain.max_apps):
        EXCEEDED.labels("max_apps").inc()
        raise QuotaExceeded(detail=f"domain {domain.domain_id}: {domain.max_apps} apps")
