"""The page of errors, from the reasons in proto/ and how each surface says them."""

import re
from collections.abc import Iterator

from google.rpc import code_pb2
from tessera.account.v1 import error_reason_pb2 as account_reasons
from tessera.binding.v1 import error_reason_pb2 as binding_reasons
from tessera.runtime.v1 import error_reason_pb2 as runtime_reasons
from tessera.token.v1 import error_reason_pb2 as token_reasons

from deploy import image
from deploy.manual.markdown import one_line, table

_ENUMS = (
    ("Any service, and the gateway", runtime_reasons.ErrorReason),
    ("token", token_reasons.ErrorReason),
    ("account", account_reasons.ErrorReason),
    ("binding", binding_reasons.ErrorReason),
)
_REASONS = frozenset(value.name for _, enum in _ENUMS for value in enum.DESCRIPTOR.values if value.number)


def errors_page() -> str:
    """Every reason that a caller can be told, and how each surface says it."""
    comments = image.read().comments
    lines = [
        "# Errors",
        "",
        "Inside, an error is a gRPC status with `google.rpc.ErrorInfo`: `reason` is a name of the table, `domain` is",
        "`tessera`. Outside, each surface says it in its own words; where none stand here, in those of the status.",
        "Made by `make manual` from `proto/`.",
    ]
    for title, enum in _ENUMS:
        rows = []
        for value in enum.DESCRIPTOR.values:
            if value.number:
                # A place to link to: a row has none of its own.
                name = f'<a id="{value.name.lower()}"></a>`{value.name}`'
                meaning = one_line(comments[f"{enum.DESCRIPTOR.full_name}.{value.name}"])
                rows.append(
                    (name, meaning, "<br>".join(_words(value.GetOptions().Extensions[runtime_reasons.dialect])))
                )
        lines += ["", f"## {title}", *table(("reason", "meaning", "said as"), rows)]
    return "\n".join(lines) + "\n"


def _words(dialect: runtime_reasons.Dialect) -> Iterator[str]:
    yield f"gRPC&nbsp;`{code_pb2.Code.Name(dialect.code)}`"
    words = {"OAuth": dialect.oauth, "PDS": dialect.pds, "RPC": dialect.rpc, "TPNS": dialect.tpns}
    for surface, word in words.items():
        if word:
            status = f"&nbsp;({dialect.pds_status})" if surface == "PDS" and dialect.pds_status else ""
            yield f"{surface}&nbsp;`{word}`{status}"


def linked(text: str, page: str) -> str:
    """A text in which each reason leads to its row.

    Args:
        text: Markdown.
        page: where the page of errors is, seen from the one that the text stands on.
    """

    def link(match: re.Match[str]) -> str:
        name = match[0]
        return f"[`{name}`]({page}#{name.lower()})" if name in _REASONS else name

    return re.sub(r"\b[A-Z]{3,}(_[A-Z]+)*\b", link, text)
