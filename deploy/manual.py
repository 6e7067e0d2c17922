"""The tables of the manual that are made from code and contracts: `docs/settings.md` and `docs/errors.md`.

`make manual` writes them; a test compares what stands in docs/ with what would be written.
"""

import dataclasses
import typing
from datetime import timedelta
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.rpc import code_pb2
from tessera.account.v1 import error_reason_pb2 as account_reasons
from tessera.binding.v1 import error_reason_pb2 as binding_reasons
from tessera.runtime.v1 import error_reason_pb2 as runtime_reasons
from tessera.token.v1 import error_reason_pb2 as token_reasons

from deploy.local.config import LocalSettings
from gateway.config import DrainSettings, ServeSettings
from services.account.config import AccountSettings
from services.binding.config import BindingSettings
from services.runtime.env import PREFIX
from services.runtime.server import ServerSettings
from services.token.config import TokenSettings

ROOT = Path(__file__).parents[1]
_IMAGE = ROOT / "gen" / "tessera.binpb"


def settings_page() -> str:
    """Every setting of every process: name, meaning, default, bounds."""
    lines = [
        "# Settings",
        "",
        "Processes are told everything by their environment, and say all that is wrong with it at once. A variable",
        "that is empty counts as absent. In place of any of them, the same name with `_FILE` may name a file that",
        "holds the value. Made by `make manual`.",
    ]
    for title, settings, without in (
        ("Every service", ServerSettings, None),
        ("token", TokenSettings, ServerSettings),
        ("account", AccountSettings, ServerSettings),
        ("binding", BindingSettings, ServerSettings),
        ("The gateway (`python -m gateway`)", ServeSettings, None),
        ("Draining the gateway (`python -m gateway drain`)", DrainSettings, ServeSettings),
        ("The stack without containers (`make run`)", LocalSettings, None),
    ):
        inherited = {field.name for field in dataclasses.fields(without)} if without else set()
        lines += ["", f"## {title}", "", "| variable | meaning | default | bounds |", "|---|---|---|---|"]
        lines += [_setting(field) for field in dataclasses.fields(settings) if field.name not in inherited]
    return "\n".join(lines) + "\n"


def _setting(field: "dataclasses.Field[typing.Any]") -> str:
    known = field.metadata
    bounds = [f"{_number(known[side])} {side}" for side in ("minimum", "maximum") if known[side] is not None]
    bounds += [f"`{choice}`" for choice in known["choices"]]
    return f"| `{PREFIX}{field.name.upper()}` | {known['meaning']} | {_default(field.default)} | {', '.join(bounds)} |"


def _default(value: object) -> str:
    if value is dataclasses.MISSING:
        return "required"
    if value is None:
        return ""
    if isinstance(value, timedelta):
        return f"`{_number(value.total_seconds())}`"
    if isinstance(value, tuple):
        return "`" + ",".join(str(item) for item in value) + "`"
    return f"`{value}`"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def errors_page() -> str:
    """Every reason that a caller can be told, and how each surface says it."""
    lines = [
        "# Errors",
        "",
        "Inside, an error is a gRPC status with `google.rpc.ErrorInfo`: `reason` is a name of the table, `domain` is",
        "`tessera`. Outside, each surface says it in its own words; an empty cell takes those of the status. Made by",
        "`make manual` from `proto/`.",
    ]
    comments = _comments()
    for title, module in (
        ("Any service, and the gateway", runtime_reasons),
        ("token", token_reasons),
        ("account", account_reasons),
        ("binding", binding_reasons),
    ):
        lines += ["", f"## {title}", "", "| reason | meaning | gRPC | OAuth | PDS | RPC | TPNS |", "|" + "---|" * 7]
        for value in module.ErrorReason.DESCRIPTOR.values:
            dialect = value.GetOptions().Extensions[runtime_reasons.dialect]
            if value.number:
                words = [dialect.oauth, dialect.pds, dialect.rpc, str(dialect.tpns or "")]
                cells = [code_pb2.Code.Name(dialect.code), *(f"`{word}`" if word else "" for word in words)]
                meaning = comments[module.DESCRIPTOR.name, value.number]
                lines.append(f"| `{value.name}` | {meaning} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _comments() -> dict[tuple[str, int], str]:
    """The comment above each reason, by file and number, as the descriptor image keeps it."""
    image = descriptor_pb2.FileDescriptorSet.FromString(_IMAGE.read_bytes())
    found = {}
    for file in image.file:
        if file.name.endswith("/error_reason.proto"):
            for location in file.source_code_info.location:
                # Enum 0 of the file (field 5), its value (field 2) of that index.
                if len(location.path) == 4 and tuple(location.path[:3]) == (5, 0, 2):
                    number = file.enum_type[0].value[location.path[3]].number
                    found[file.name, number] = " ".join(location.leading_comments.split())
    return found


PAGES = {ROOT / "docs" / "settings.md": settings_page, ROOT / "docs" / "errors.md": errors_page}


def main() -> None:
    """Write the pages."""
    for path, page in PAGES.items():
        path.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
