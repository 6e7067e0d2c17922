"""Whatever is written to the audit log has its name in one list, whoever writes it: Python or SQL."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from services.token.events import EventName

TOKEN = Path(__file__).parents[2] / "services" / "token"
# What else looks like a name of an event: permissions, tables, modules, fields.
OTHERS = re.compile(r"(token|account|binding|runtime|edge|services|tessera|actor|proof)\.")
NAME = re.compile(r"[a-z_]+\.[a-z_]+")
# Fields of requests, as they are named where they are missing.
FIELDS = {"app.client_id", "access_key.access_key_id", "push_app.access_id", "domain.domain_id"}


def in_python() -> Iterator[tuple[str, str]]:
    """Each text in the code that looks like a name, with its file."""
    for path in TOKEN.rglob("*.py"):
        if path.name == "events.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                yield node.value, path.name


def in_sql() -> Iterator[tuple[str, str]]:
    """Each literal that looks like a name, and those that `start_session` puts together."""
    for path in TOKEN.rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"'([^'\n]*)'", text):
            if NAME.fullmatch(name):
                yield name, path.name
        for grant in re.findall(r"p_event => '(\w+)'", text):
            yield f"{grant}.issued", path.name
            yield f"{grant}.refused", path.name


def test_each_name_that_is_written_is_in_the_list() -> None:
    written = [
        (name, file) for name, file in (*in_python(), *in_sql()) if not OTHERS.match(name) and name not in FIELDS
    ]
    # That the search finds what there is.
    assert {"app.created", "refresh_token.refused", "jwt_bearer.issued"} <= {name for name, _ in written}
    unknown = sorted({(name, file) for name, file in written if name not in set(EventName)})
    assert not unknown


def test_a_name_is_a_noun_and_what_became_of_it() -> None:
    for event in EventName:
        assert re.fullmatch(r"[a-z_]+\.([a-z_]+ed|status_set|withheld)", event), event
        assert event.meaning
        assert event.name == event.replace(".", "_").upper()
