"""Every language says all that every other does."""

import re
from pathlib import Path
from string import Formatter

import pytest

from services.account.pages.languages import LANGUAGES, Language

PAGES = Path(__file__).parents[3] / "services" / "account" / "pages"
ENGLISH = LANGUAGES["en"]


def told(text: str) -> set[str]:
    """What a text tells, by its placeholders."""
    return {
        name for _, name, form, conversion in Formatter().parse(text) if name is not None and not (form or conversion)
    }


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_the_same_keys_and_the_same_placeholders(language: Language) -> None:
    assert language.texts.keys() == ENGLISH.texts.keys()
    assert {key: told(text) for key, text in language.texts.items()} == {
        key: told(text) for key, text in ENGLISH.texts.items()
    }


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_a_placeholder_is_a_name_and_reaches_into_nothing(language: Language) -> None:
    """`{app.secret}` or `{0}` in a text would show what nobody meant to be shown."""
    for text in language.texts.values():
        fields = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        assert all(re.fullmatch(r"[a-z]+", name) for name in fields), text


def test_what_is_told_is_not_read_as_a_text() -> None:
    assert ENGLISH.say("code_sent", address="{minutes}", minutes=5).count("{minutes}") == 1


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_every_text_that_a_page_asks_for_is_there(language: Language) -> None:
    asked = set()
    for file in PAGES.rglob("*.j2"):
        asked |= set(re.findall(r'\bt\("([a-z_.]+)"', file.read_text(encoding="utf-8")))
    for file in PAGES.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        asked |= set(re.findall(r'\bsay\("([a-z_.]+)"', text))
        asked |= {f"error.{key}" for key in re.findall(r'PageError\("([a-z_]+)"', text)}
    for file in PAGES.parent.rglob("*.py"):
        found = re.findall(r'LogonRefused\("([a-z_]+)"', file.read_text(encoding="utf-8"))
        asked |= {f"error.{key}" for key in found}
    assert asked - {"error."} <= language.texts.keys()


def test_chinese_is_chinese() -> None:
    words = {key: text for key, text in LANGUAGES["zh"].texts.items() if not re.search(r"[\u4e00-\u9fff]", text)}
    assert words == {}
