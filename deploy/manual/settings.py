"""The page of settings, from the settings' own classes."""

import dataclasses
import typing
from datetime import timedelta

from deploy.manual.markdown import table
from deploy.settings import SETTINGS
from services.runtime.env import PREFIX
from services.runtime.settings import ServerSettings


def settings_page() -> str:
    """Every setting of every process: name, meaning, default, bounds."""
    lines = [
        "# Settings",
        "",
        "Processes are told everything by their environment, and say all that is wrong with it at once. A variable",
        "that is empty counts as absent. In place of any of them, the same name with `_FILE` may name a file that",
        "holds the value. Made by `make manual`.",
    ]
    shared = {field.name for field in dataclasses.fields(ServerSettings)}
    for title, settings in SETTINGS.items():
        inherited = shared if ServerSettings in settings.__mro__[1:] else set()
        rows = [_setting(field) for field in dataclasses.fields(settings) if field.name not in inherited]
        lines += ["", f"## {title}", *table(("variable", "meaning", "default", "bounds"), rows)]
    return "\n".join(lines) + "\n"


def _setting(field: "dataclasses.Field[typing.Any]") -> tuple[str, ...]:
    known = field.metadata
    bounds = [f"{_number(known[side])} {side}" for side in ("minimum", "maximum") if known[side] is not None]
    bounds += [f"`{choice}`" for choice in known["choices"]]
    return f"`{PREFIX}{field.name.upper()}`", known["meaning"], _default(field.default), ", ".join(bounds)


def _default(value: object) -> str:
    if value is dataclasses.MISSING:
        return "required"
    if value in (None, ""):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, timedelta):
        return f"`{_number(value.total_seconds())}`"
    if isinstance(value, tuple):
        return "`" + ",".join(str(item) for item in value) + "`"
    return f"`{value}`"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
