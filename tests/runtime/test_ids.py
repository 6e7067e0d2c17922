"""UUID version 7."""

from datetime import UTC, datetime, timedelta

from services.runtime.ids import lowest_uuid7, uuid7, uuid7_time

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_an_id_is_of_version_7_and_carries_its_time() -> None:
    made = uuid7(NOW)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == int(NOW.timestamp() * 1000)
    assert uuid7_time(made) == NOW


def test_ids_sort_by_time_and_do_not_repeat() -> None:
    ids = [uuid7(NOW + timedelta(milliseconds=number)) for number in range(1000)]
    assert ids == sorted(ids)
    assert len({uuid7(NOW) for _ in range(1000)}) == 1000


def test_the_lowest_id_bounds_those_of_its_moment() -> None:
    assert lowest_uuid7(NOW) < uuid7(NOW) < lowest_uuid7(NOW + timedelta(milliseconds=1))
