"""The document as a whole: generated, corrected, written out."""

import tempfile
import tomllib
from pathlib import Path
from typing import Any

import yaml

from deploy import image
from deploy.clients import CONTRACTS, ROOT, need_go, plugin
from deploy.openapi.contracts import Contracts
from deploy.openapi.corrections import corrected
from deploy.protos import protoc

_HEADER = "# Made by `make openapi` from proto/ and deploy/openapi/. The gateway shows it at /docs.\n"
_DESCRIPTION = """\
Tessera is an identity edge: **who may speak** (an OAuth 2.0 server that issues JWTs), **who is this person**
(identities linked to users) and **where is this person reached** (device tokens bound to accounts).

Each group of calls keeps the paths, names and errors of the API that its clients already speak. Unknown fields of a
request are ignored. Every answer carries `x-request-id`, under which the logs have the call. Callers inside speak gRPC
to the services themselves, by the contracts in `proto/`.
"""


def make() -> str:
    """The document as YAML.

    Raises:
        Missing: Go or the generator is not here.
        ValueError: the contracts hold what OpenAPI cannot say, or what the corrections do not know.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    examples = yaml.safe_load(Path(__file__).with_name("examples.yaml").read_text(encoding="utf-8"))
    document = {
        "openapi": "3.0.3",
        "info": {
            "title": "Tessera",
            "version": project["version"],
            "description": _DESCRIPTION,
            "license": {"name": project["license"], "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": "/"}],
        **corrected(_generated(), Contracts.read(image.read()), examples),
    }
    return _HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _generated() -> dict[str, Any]:
    """What the generator makes of proto/: of RPCs with an HTTP rule, and messages that they reach."""
    need_go()
    options = ("naming=proto", "enum_type=string", "default_response=false")
    with tempfile.TemporaryDirectory() as folder:
        protoc(*plugin("openapi", Path(folder), *options), files=CONTRACTS)
        document: dict[str, Any] = yaml.safe_load(Path(folder, "openapi.yaml").read_text(encoding="utf-8"))
    return document


class _Dumper(yaml.SafeDumper):
    """Writes what is said twice twice, and texts of several lines as they stand."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the library's name
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
