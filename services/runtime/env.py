"""Settings: frozen dataclasses read from `TESSERA_*`, every mistake reported at once.

A field is declared with `setting()`; its name in the environment is `TESSERA_` and the field's name in capitals.
Where the variable `…_FILE` is set instead, the value is that file's content: the way secrets are handed over.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

PREFIX = "TESSERA_"

T = TypeVar("T")


class SettingsError(Exception):
    """One or more settings are wrong; `problems` has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """Host and port of a listener or a peer."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`; an IPv6 host stands in brackets. Raises `ValueError`."""
        host, separator, port = text.rpartition(":")
        if not separator or not host or not port.isdecimal() or not 0 < int(port) < 65536:
            msg = "host:port"
            raise ValueError(msg)
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Dsn(str):
    """Where a Postgres is, as a URL."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Read a DSN. Raises `ValueError`, with nothing of the text in it."""
        try:
            parts = urlsplit(text)
            well_formed = parts.scheme in ("postgres", "postgresql") and (parts.port or True)
        except ValueError:
            well_formed = False
        if not well_formed:
            msg = "postgresql://user:password@host:port/database, special characters percent-encoded"
            raise ValueError(msg) from None
        return super().__new__(cls, text)


def setting(
    meaning: str,
    *,
    default: Any = dataclasses.MISSING,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """Declare a field of a settings dataclass.

    Args:
        meaning: what it is for, with its unit, as the manual prints it.
        default: its value where the variable is absent; without one the variable is required.
        minimum: smallest number (seconds, for a `timedelta`) allowed.
        maximum: largest number allowed.
        choices: the words allowed, for a `str`.
        secret: true keeps the value out of `repr` and of every message.
    """
    return dataclasses.field(
        default=default,
        repr=not secret,
        metadata={"meaning": meaning, "minimum": minimum, "maximum": maximum, "choices": choices, "secret": secret},
    )


def load(settings: type[T], environ: Mapping[str, str]) -> T:
    """Read a settings dataclass from the environment.

    Raises:
        SettingsError: with every missing, malformed and out-of-bounds value; where there are none, with what a method
            `problems` of the class says of values that contradict each other.
    """
    hints = typing.get_type_hints(settings)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        name = PREFIX + field.name.upper()
        text = None
        try:
            text = _read(environ, name)
            if text is None:
                if field.default is dataclasses.MISSING:
                    problems.append(f"{name} is not set: {field.metadata['meaning']}")
                continue
            values[field.name] = _bounded(_convert(text, hints[field.name]), field.metadata)
        except OSError as error:
            problems.append(f"{name}_FILE: {error.strerror}: {environ[name + '_FILE']}")
        except UnicodeDecodeError:
            problems.append(f"{name}_FILE: {environ[name + '_FILE']} is not text")
        except (ValueError, OverflowError) as error:
            # What stands in a file is likely to be a secret, whatever the field.
            shown = "its value" if field.metadata["secret"] or text != environ.get(name) else repr(text)
            problems.append(f"{name}: {shown} is not {error}")
    if problems:
        raise SettingsError(problems)
    read = settings(**values)
    problems = getattr(read, "problems", list)()
    if problems:
        raise SettingsError(problems)
    return read


def _read(environ: Mapping[str, str], name: str) -> str | None:
    if path := environ.get(name + "_FILE"):
        return Path(path).read_text(encoding="utf-8").strip()
    # An empty variable is an absent one: compose files and manifests cannot leave one out.
    return environ.get(name) or None


def _convert(text: str, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is tuple:
        return tuple(_convert(part, typing.get_args(hint)[0]) for part in _parts(text))
    if hint is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            msg = "true or false"
            raise ValueError(msg)
        return text.lower() in ("true", "1")
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError:
            msg = "a whole number" if hint is int else "a number"
            raise ValueError(msg) from None
    if hint is timedelta:
        seconds = _convert(text, float)
        try:
            return timedelta(seconds=seconds)
        except (OverflowError, ValueError):
            msg = "a number of seconds"
            raise ValueError(msg) from None
    if hint is Address:
        return Address.parse(text)
    return hint(text)


def _parts(text: str) -> list[str]:
    """The values of a list. None is empty: as a name, that would be whoever has none."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        msg = "a list with values between its commas, and no comma at its ends"
        raise ValueError(msg)
    return parts


def _bounded(value: Any, metadata: Mapping[str, Any]) -> Any:
    if metadata["choices"] and value not in metadata["choices"]:
        raise ValueError("one of " + ", ".join(metadata["choices"]))
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if metadata["minimum"] is not None and number < metadata["minimum"]:
        msg = f"{metadata['minimum']} or more"
        raise ValueError(msg)
    if metadata["maximum"] is not None and number > metadata["maximum"]:
        msg = f"{metadata['maximum']} or less"
        raise ValueError(msg)
    return value
