"""Reading `queries.sql`."""

from pathlib import Path

import pytest

from services.runtime.sql import load_queries


def test_statements_by_name(tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text("-- What this file is.\n\n-- name: one\nselect 1;\n\n-- name: two\n-- Why.\nselect\n  2\n")
    assert load_queries(file) == {"one": "select 1", "two": "-- Why.\nselect\n  2"}


@pytest.mark.parametrize("text", ["-- name: a\nselect 1\n-- name: a\nselect 2\n", "select 1\n-- name: a\nselect 2\n"])
def test_a_file_that_reads_two_ways_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "queries.sql"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"queries\.sql"):
        load_queries(file)
