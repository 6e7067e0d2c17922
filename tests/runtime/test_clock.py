"""The clock."""

from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.clock import Clock


def test_it_follows_and_shifts() -> None:
    clock = Clock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
    clock.follow(datetime.now(UTC) - timedelta(seconds=7))
    assert abs(clock.skew - timedelta(seconds=7)) < timedelta(seconds=1)
    clock.shift(timedelta(hours=1))
    expected = datetime.now(UTC) - timedelta(seconds=7) + timedelta(hours=1)
    assert abs(clock.now() - expected) < timedelta(seconds=1)
    assert abs(clock.timestamp() - int(expected.timestamp())) <= 1


def test_it_goes_on_by_a_clock_that_nobody_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now()

    class Jumped(datetime):
        """A host's clock that somebody set back by a day."""

        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) - timedelta(days=1)

    monkeypatch.setattr("services.runtime.clock.datetime", Jumped)
    assert timedelta() <= clock.now() - before < timedelta(seconds=1)
