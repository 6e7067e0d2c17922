"""What tests of the vendors' connectors share: answers that no vendor should give, and all that is written anywhere."""

import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from tests.support.standins import Reply

REDIRECT_URI = "https://tessera.test/v2/oauth/callback"

HOSTILE = {
    "nothing": Reply(b""),
    "no JSON": Reply(b"<html>Welcome</html>"),
    "not the JSON it should be": Reply(b'["errcode", 0]'),
    "JSON without end": Reply(b'{"a":' * 50_000),
    "a huge answer": Reply(json.dumps({"errcode": 0, "padding": "x" * 300_000}).encode()),
    "a compressed one": Reply(b"{}", headers={"content-encoding": "gzip"}),
    "a redirect": Reply(b"", 302, {"location": "http://127.0.0.1:1/elsewhere"}),
    "an error of a proxy": Reply(b"Bad Gateway", 502),
    "an error that is none": Reply(b'{"code": {"a": 1}, "errcode": {"a": 1}}', 400),
    "an older error within 200": Reply(b'{"errcode": 33012, "errmsg": "wrong"}'),
}
"""Answers that prove nobody, whatever was asked."""


class Written:
    """All that was written to logs, by us and by libraries, at any level, and the errors that were raised."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self._lines: list[str] = []

    def text(self) -> str:
        """All of it."""
        return "\n".join([*self._lines, self._caplog.text])

    @contextmanager
    def raised(self, kind: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """As `pytest.raises`; what a log of the error would have is kept."""
        with pytest.raises(kind) as caught:
            yield caught
        self._lines += [*traceback.format_exception(caught.value), repr(vars(caught.value))]


@contextmanager
def written(caplog: pytest.LogCaptureFixture) -> Iterator[Written]:
    """Listen to everything."""
    kept = Written(caplog)
    with (
        caplog.at_level(logging.DEBUG),
        caplog.at_level(logging.DEBUG, "httpx"),
        structlog.testing.capture_logs() as own,
    ):
        yield kept
    kept._lines += map(repr, own)
