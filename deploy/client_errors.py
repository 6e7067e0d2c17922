"""`python -m deploy.client_errors`: the error classes of the Python client, from the reasons in proto/.

A class is the child of its status's class. Where a reason has its status's own name (`UNAVAILABLE`), the status's class
is the reason's too, so that nobody has to know whether Tessera or gRPC found it.
"""

import textwrap
from pathlib import Path

import grpc
from google.rpc import code_pb2
from tessera.runtime.v1 import error_reason_pb2

from deploy import image

_ROOT = Path(__file__).parents[1]
MODULE = _ROOT / "proto" / "clients" / "python" / "tessera" / "client" / "errors.py"
_WIDTH = 120
# The same call may succeed a little later.
_RETRYABLE = ("UNAVAILABLE", "RESOURCE_EXHAUSTED")


def errors_module() -> str:
    """The text of the client's module `errors`."""
    reasons = _reasons()
    codes = [code.name for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
    named = [(name, code, meaning) for name, code, meaning in reasons if name not in codes]
    meanings = {name: meaning for name, code, meaning in reasons if name == code}
    lines = [
        '"""What a call may raise: a class for each status, below it one for each reason. Made by `make manual`.',
        "",
        "TesseraError",
    ]
    for code in codes:
        children = ", ".join(_class(name) for name, its, _ in named if its == code)
        branch = f"├── {_class(code)}" + (f": {children}" if children else "")
        lines += textwrap.wrap(branch, _WIDTH, subsequent_indent="│       ")
    lines += ['"""', "", "import grpc", "from tessera.client.failure import TesseraError"]
    for code in codes:
        lines += _definition(code, "TesseraError", meanings.get(code, f"gRPC's {code}."))
        lines += ["", "    retryable = True"] if code in _RETRYABLE else []
    for name, code, meaning in named:
        lines += _definition(name, _class(code), meaning)
    lines += ["", "", "OF_STATUS: dict[grpc.StatusCode, type[TesseraError]] = {"]
    lines += [f"    grpc.StatusCode.{code}: {_class(code)}," for code in codes]
    lines += ["}", '"""The class of each status."""', "", "OF_REASON: dict[str, type[TesseraError]] = {"]
    lines += [f'    "{name}": {_class(name)},' for name, _, _ in reasons]
    lines += ["}", '"""The class of each reason, by its name on the wire."""']
    return "\n".join(lines) + "\n"


def _class(name: str) -> str:
    return name.title().replace("_", "")


def _definition(name: str, parent: str, meaning: str) -> list[str]:
    indent = "    "
    text = textwrap.wrap(f'{indent}"""{meaning}', _WIDTH - len('"""'), subsequent_indent=indent)
    if len(text) == 1:
        return ["", "", f"class {_class(name)}({parent}):", f'{text[0]}"""']
    # A first sentence that has a line of its own.
    first, _, rest = meaning.partition(". ")
    summary = textwrap.wrap(f'{indent}"""{first}.', _WIDTH, subsequent_indent=indent)
    body = textwrap.wrap(rest, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return ["", "", f"class {_class(name)}({parent}):", *summary, "", *body, f'{indent}"""']


def _reasons() -> list[tuple[str, str, str]]:
    """Name, status and meaning of each reason, those of every service first; the meaning is the comment above it."""
    contracts = image.read()
    # The runtime's own first; otherwise in the order of their files.
    files = sorted(contracts.files, key=lambda file: file.package != "tessera.runtime.v1")
    return [
        (
            value.name,
            code_pb2.Code.Name(value.options.Extensions[error_reason_pb2.dialect].code),
            " ".join(contracts.comments[f"{file.package}.{enum.name}.{value.name}"].split()),
        )
        for file in files
        for enum in file.enum_type
        if enum.name == "ErrorReason"
        for value in enum.value
        if value.number
    ]


if __name__ == "__main__":
    MODULE.write_text(errors_module(), encoding="utf-8")
