"""What pages say, in each language: a file each in texts/, the same keys in all."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Args:
        tag: of BCP 47.
        name: what it calls itself.
        texts: by key.
    """

    tag: str
    name: str
    texts: Mapping[str, str]

    def say(self, key: str, **facts: object) -> str:
        """A text, with what it tells. Raises `KeyError`."""
        return self.texts[key].format(**facts)

    def scope(self, scope: str) -> str:
        """What a scope lets an app do."""
        return self.say(f"scope.{scope}") if f"scope.{scope}" in self.texts else self.say("scope.other", scope=scope)


LANGUAGES = {
    file.stem: Language(**tomllib.loads(file.read_text(encoding="utf-8")))
    for file in sorted((Path(__file__).resolve().parent / "texts").glob("*.toml"))
}
"""By what a browser calls them."""


def find_language(tags: Iterable[str]) -> str:
    """The first of some tags of BCP 47 whose language there is, by its key in `LANGUAGES`; empty: of none."""
    found = (tag.partition("-")[0].strip().lower() for tag in tags)
    return next((language for language in found if language in LANGUAGES), "")
