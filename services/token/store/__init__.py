"""The token service's statements, a module a noun: one method each, of the same name as in the SQL file beside it.

Rows become dataclasses here. A statement takes effect whole or not at all, a function of the database that it calls
included; several together run on what `Store.transaction` gives. What must hold together is one function, in
`migrations/`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.runtime.db import Database
from services.runtime.partitions import Partitioned
from services.token.store.access_keys import AccessKeys
from services.token.store.apps import Apps
from services.token.store.audit import Audit
from services.token.store.changes import Changes
from services.token.store.devices import Devices
from services.token.store.domains import Domains
from services.token.store.leases import Leases
from services.token.store.nonces import Nonces
from services.token.store.open_sessions import OpenSessions
from services.token.store.presented import Presented
from services.token.store.push_apps import PushApps
from services.token.store.requests import Requests
from services.token.store.revocations import Revocations
from services.token.store.sessions import Sessions
from services.token.store.signing_keys import SigningKeys
from services.token.store.user_data import UserData
from services.token.store.user_events import UserEvents
from services.token.store.users import Users

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

AUDIT_KEPT = 360 * _DAY
"""How long audit rows are kept at the most; a domain may keep them for less."""

PARTITIONED = (
    Partitioned("token.session", "uuid7", span=30 * _DAY, keep=180 * _DAY, fillfactor=70),
    Partitioned("token.authorization_code", "uuid7", span=_DAY, keep=_DAY, fillfactor=70),
    # A device code lives 10 minutes, and is known for as used a while longer.
    Partitioned("token.device_authorization", "uuid7", span=_DAY, keep=_HOUR, fillfactor=70),
    Partitioned("token.used_assertion", "time", span=_DAY, keep=_DAY),
    Partitioned("token.audit", "uuid7", span=30 * _DAY, keep=AUDIT_KEPT),
    # An access token lives a day at the most.
    Partitioned("token.revocation", "uuid7", span=_DAY, keep=2 * _DAY),
    Partitioned("token.user_event", "uuid7", span=30 * _DAY, keep=30 * _DAY),
    Partitioned("token.request", "time", span=_DAY, keep=_DAY),
    # A request may have been signed a quarter of an hour ago, and its nonce is used up for as long before that.
    Partitioned("token.nonce", "time", span=_DAY, keep=2 * _HOUR, late=2 * _HOUR),
)
"""Tables whose rows expire, and how long each part of them is kept."""

CHANGES = "token_changes"
"""The channel of `Store.notify_change`."""


class Statements(
    Domains,
    Apps,
    AccessKeys,
    PushApps,
    Users,
    Sessions,
    OpenSessions,
    Devices,
    Presented,
    SigningKeys,
    Audit,
    Changes,
    Leases,
    Nonces,
    Requests,
    Revocations,
    UserEvents,
    UserData,
):
    """All of them, on the database or in a transaction."""


class Store(Statements):
    """The statements on the database of the service; several together by `transaction`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._transaction = database.transaction

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """Statements that take effect together, when the block ends without an error."""
        async with self._transaction() as connection:
            yield Statements(connection)
