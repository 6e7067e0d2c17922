"""Settings: every mistake at once, secrets unseen."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from services.runtime.env import Address, Dsn, SettingsError, load, setting


@dataclass(frozen=True)
class Sample:
    port: int = setting("a port", minimum=1, maximum=65535)
    listen: tuple[Address, ...] = setting("addresses")
    password: str = setting("a password", secret=True)
    drain: timedelta = setting("seconds", default=timedelta(seconds=5), minimum=0)
    colour: str = setting("a colour", default="red", choices=("red", "blue"))
    loud: bool = setting("whether", default=False)
    note: str | None = setting("a note", default=None)


GOOD = {"TESSERA_PORT": "80", "TESSERA_LISTEN": "127.0.0.1:1, [::1]:2", "TESSERA_PASSWORD": "pw"}


def test_values_are_converted() -> None:
    sample = load(Sample, GOOD | {"TESSERA_DRAIN": "1.5", "TESSERA_LOUD": "true", "TESSERA_NOTE": "n"})
    assert sample == Sample(
        port=80,
        listen=(Address("127.0.0.1", 1), Address("[::1]", 2)),
        password="pw",
        drain=timedelta(seconds=1.5),
        loud=True,
        note="n",
    )


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            Sample,
            {
                "TESSERA_PORT": "70000",
                "TESSERA_LISTEN": "nowhere",
                "TESSERA_DRAIN": "-1",
                "TESSERA_COLOUR": "green",
                "TESSERA_LOUD": "perhaps",
            },
        )
    assert [problem.partition(":")[0].partition(" ")[0] for problem in caught.value.problems] == [
        "TESSERA_PORT",
        "TESSERA_LISTEN",
        "TESSERA_PASSWORD",
        "TESSERA_DRAIN",
        "TESSERA_COLOUR",
        "TESSERA_LOUD",
    ]


def test_a_secret_comes_from_a_file_and_shows_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    environ = {key: value for key, value in GOOD.items() if key != "TESSERA_PASSWORD"}
    sample = load(Sample, environ | {"TESSERA_PASSWORD_FILE": str(file)})
    assert sample.password == "hunter2"
    assert "hunter2" not in repr(sample)


def test_a_missing_secret_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="TESSERA_PASSWORD_FILE: No such file"):
        load(Sample, GOOD | {"TESSERA_PASSWORD_FILE": str(tmp_path / "absent")})


def test_an_empty_variable_is_an_absent_one() -> None:
    assert load(Sample, GOOD | {"TESSERA_COLOUR": ""}).colour == "red"


@pytest.mark.parametrize("dsn", ["foo", "postgres://u:hunter2/x@db:5432/t", "http://db/t"])
def test_a_dsn_that_is_none_is_not_shown(dsn: str) -> None:
    @dataclass(frozen=True)
    class Stored:
        dsn: Dsn = setting("where", secret=True)

    with pytest.raises(SettingsError, match="TESSERA_DSN: its value is not postgresql://") as caught:
        load(Stored, {"TESSERA_DSN": dsn})
    assert "hunter2" not in str(caught.value)
    assert load(Stored, {"TESSERA_DSN": "postgres://u@/t?host=/run"}).dsn == "postgres://u@/t?host=/run"


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e30", "soon"])
def test_seconds_that_are_none(seconds: str) -> None:
    with pytest.raises(SettingsError, match="TESSERA_DRAIN"):
        load(Sample, GOOD | {"TESSERA_DRAIN": seconds})
