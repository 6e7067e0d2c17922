"""The clock."""

from datetime import UTC, datetime, timedelta

from services.runtime.clock import Clock


def test_it_follows_and_shifts() -> None:
    clock = Clock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
    clock.follow(timedelta(seconds=-7))
    assert clock.skew == timedelta(seconds=7)
    clock.shift(timedelta(hours=1))
    expected = datetime.now(UTC) - timedelta(seconds=7) + timedelta(hours=1)
    assert abs(clock.now() - expected) < timedelta(seconds=1)
    assert abs(clock.timestamp() - int(expected.timestamp())) <= 1
