"""What is driven: one JSON file a scenario, in this folder, named after what it does.

```json
{
  "about": "One sentence for the report.",
  "rpc": "tessera.token.v1.TokenService.Token",
  "request": {"grant_type": "refresh_token", "client_id": "${jwt_client_id}", "refresh_token": "${refresh_token}"},
  "grpc": {"credential": "none"},
  "rest": {"method": "POST", "path": "/v2/oauth/token", "body": "form", "credential": "none", "dialect": "oauth"}
}
```

- `rpc`: the full name of the RPC, as proto/ has it.
- `request`: its request in protobuf's JSON, with the names of fields as in proto/.
- `${…}`, in a text of `request` or in `path`: a placeholder; `minting.PLACEHOLDERS` lists all of them. Some are new for
  each call, so that none is a replay; the others are the same for all, or taken in turn.
- `credential`: whom the call is made as; `minting.CREDENTIALS` lists them.
- `rest.body`: how `request` is sent: as `json`, as a `form`, or `none` of it, where all stands in `path`.
- `rest.dialect`: where an answer says what went wrong: `oauth`, `pds`, `rpc`, `tpns` or, by the HTTP status alone,
  `discovery`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode

FOLDER = Path(__file__).parent
BODIES = ("json", "form", "none")
DIALECTS = ("oauth", "pds", "rpc", "tpns", "discovery")

_CONTENT_TYPES = {"json": "application/json", "form": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Rest:
    """How a scenario's call is made through the gateway."""

    method: str
    path: str
    body: str
    credential: str
    dialect: str


@dataclass(frozen=True)
class Scenario:
    """One call, with placeholders for what differs from call to call."""

    name: str
    about: str
    rpc: str
    request: Mapping[str, Any]
    grpc_credential: str
    rest: Rest

    @classmethod
    def read(cls, path: Path) -> "Scenario":
        """Read a file of the form above. Raises `ValueError`, naming the file, where it is of another."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            rest = Rest(**content.pop("rest"))
            grpc_credential = content.pop("grpc")["credential"]
            scenario = cls(name=path.stem, grpc_credential=grpc_credential, rest=rest, **content)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path.name} is no scenario: {error!r}") from error
        if rest.body not in BODIES or rest.dialect not in DIALECTS:
            raise ValueError(f"{path.name}: unknown body {rest.body!r} or dialect {rest.dialect!r}")
        return scenario

    @property
    def service(self) -> str:
        """Who answers: `token`, `account` or `binding`."""
        return self.rpc.split(".")[1]

    @property
    def placeholders(self) -> frozenset[str]:
        """Names that the request and the path hold."""
        return frozenset(_names(self.request)) | frozenset(_names(self.rest.path))

    def message(self, values: Mapping[str, str]) -> dict[str, Any]:
        """The request of one call, filled in."""
        filled: dict[str, Any] = _filled(self.request, values)
        return filled

    def http(self, values: Mapping[str, str], host: str, authorization: str) -> bytes:
        """The HTTP/1.1 request of one call, filled in.

        Args:
            values: what stands for each placeholder.
            host: the gateway, for the header.
            authorization: value of the header; empty: there is none.
        """
        message = self.message(values)
        match self.rest.body:
            case "json":
                body = json.dumps(message, separators=(",", ":"))
            case "form":
                body = urlencode(message)
            case _:
                body = ""
        lines = [f"{self.rest.method} {_filled(self.rest.path, values)} HTTP/1.1", f"host: {host}"]
        if authorization:
            lines.append(f"authorization: {authorization}")
        if body:
            lines += [f"content-type: {_CONTENT_TYPES[self.rest.body]}", f"content-length: {len(body.encode())}"]
        return "\r\n".join([*lines, "", body]).encode()


def read_all(folder: Path = FOLDER) -> list[Scenario]:
    """Every scenario, by service and then by name. Raises `ValueError` where a file is none."""
    order = ("token", "account", "binding")
    found = [Scenario.read(path) for path in folder.glob("*.json")]
    return sorted(found, key=lambda scenario: (order.index(scenario.service), scenario.name))


def _names(part: Any) -> Iterable[str]:
    match part:
        case str():
            yield from Template(part).get_identifiers()
        case list():
            for each in part:
                yield from _names(each)
        case dict():
            yield from _names(list(part.values()))


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    match part:
        case str():
            return Template(part).substitute(values)
        case list():
            return [_filled(each, values) for each in part]
        case dict():
            return {name: _filled(each, values) for name, each in part.items()}
        case _:
            return part
