"""Whatever is written to the audit log has its name in one list, whoever writes it, and nothing else stands there."""

import re
from collections.abc import Iterator
from pathlib import Path

from services.token.events import EventName

TOKEN = Path(__file__).parents[2] / "services" / "token"
# Permissions and tables look like events.
OTHERS = re.compile(r"(account|binding|runtime)\.|token\.(?!revoked)")
NAME = re.compile(r"[a-z_]+\.[a-z_]+")


def in_python() -> Iterator[str]:
    """Each name that the code writes. Of what `Event` takes, mypy sees that it is one; some are put together."""
    for path in TOKEN.rglob("*.py"):
        if path.name != "events.py":
            text = path.read_text(encoding="utf-8")
            yield from (EventName[member] for member in re.findall(r"\bEventName\.([A-Z_]+)", text))
            for grant in re.findall(r"\bgrant(?:: str )?=\s?\"(\w+)\"", text):
                yield from (f"{grant}.issued", f"{grant}.refused")


def in_sql() -> Iterator[str]:
    """Each literal that looks like a name, and those that `start_session` puts together."""
    for path in TOKEN.rglob("*.sql"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"'([^'\n]*)'", text):
            if NAME.fullmatch(name) and not OTHERS.match(name):
                yield name
        for grant in re.findall(r"p_event => '(\w+)'", text):
            yield from (f"{grant}.issued", f"{grant}.refused")


def test_each_name_that_is_written_is_in_the_list_and_each_in_the_list_is_written() -> None:
    assert {*in_python(), *in_sql()} == set(EventName)


def test_a_name_is_a_noun_and_what_became_of_it() -> None:
    for event in EventName:
        assert re.fullmatch(r"[a-z_]+\.([a-z_]+ed|status_set|withheld)", event), event
        assert event.meaning
        assert event.name == event.replace(".", "_").upper()
