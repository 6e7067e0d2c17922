"""What an operator is woken by: token's own metrics, and the line that a key leaves when it changes."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.support.databases import Databases
from tests.support.signing_keys import rotate, until
from tests.support.token import Running, running
from tests.support.wires import wire_to

HOUR = timedelta(hours=1).total_seconds()


def value(name: str, **labels: str) -> float:
    """Of one metric; minus one where it is not there."""
    found = REGISTRY.get_sample_value(name, labels)
    return -1 if found is None else found


async def test_all_is_well(own: Running) -> None:
    app = await own.jwt_app()
    batches = value("tessera_batch_items_count")
    await own.refresh(app, (await own.by_assertion(app, await own.user())).refresh_token)
    assert value("tessera_batch_items_count") == batches + 1

    async def well() -> bool:
        return (
            value("tessera_lease_held", lease="rotation") == 1
            and 0 <= value("tessera_changes_age_seconds") < 2
            and 0 <= value("tessera_revocations_age_seconds") < 2
            and value("tessera_partitions_ahead_seconds") > 48 * HOUR
            and all(
                value("tessera_problem", problem=problem) == 0
                for problem in ("database", "clock", "schema", "keys", "partitions")
            )
        )

    await until(well)


async def test_without_a_database_they_say_so(
    databases: Databases, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with (
        wire_to(databases.fresh("token"), tmp_path_factory.mktemp("w")) as wire,
        running(wire.dsn, tmp_path) as service,
    ):
        failures = value("tessera_signing_key_failures_total")
        await until(lambda: _is("tessera_lease_held", 1, lease="rotation"))
        wire.close()

        async def bad() -> bool:
            return (
                value("tessera_problem", problem="database") == 1
                and value("tessera_lease_held", lease="rotation") == 0
                and value("tessera_signing_key_failures_total") > failures
                and value("tessera_changes_age_seconds") > 2
                and value("tessera_revocations_age_seconds") > 2
            )

        await until(bad)
        wire.open()
        await until(lambda: _is("tessera_problem", 0, problem="database"))
        await service.by_secret(await service.web_app())


async def test_a_key_that_changes_leaves_a_line(own: Running) -> None:
    with capture_logs() as lines:
        made = await rotate(own, "access")
        expected = {"domain": "bj1", "use": "access", "key_id": made.key_id, "state": "next"}

        async def told() -> bool:
            return any(expected.items() <= line.items() for line in lines if line["event"] == "signing key")

        await until(told)


async def _is(name: str, expected: float, **labels: str) -> bool:
    return value(name, **labels) == expected
