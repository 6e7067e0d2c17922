"""The examples of docs/how-to/clients.md do what the page says, twice too."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.support.world import World

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "clients.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"## (\w+)[^\n]*\n(?:(?!\n## ).)*?```python\n(.*?)```\n\nIt prints:\n\n```text\n(.*?)```", PAGE, re.DOTALL
)


def test_each_service_has_one() -> None:
    assert [service for service, _, _ in EXAMPLES] == ["Token", "Account", "Binding"]
    assert len(EXAMPLES) == PAGE.count("```python")


@pytest.mark.parametrize(
    ("example", "prints"), [example[1:] for example in EXAMPLES], ids=[each[0] for each in EXAMPLES]
)
async def test_the_example(stack: Stack, world: World, tmp_path: Path, example: str, prints: str) -> None:
    for service, port in (("token", 50051), ("account", 50052), ("binding", 50053)):
        example = example.replace(f"127.0.0.1:{port}", world.grpc[service])
    example = example.replace(".tessera/", f"{stack.home.path}/")
    file = tmp_path / "example.py"
    file.write_text(example, encoding="utf-8")
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            sys.executable, file, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert (output.decode(), errors.decode()) == (prints, "")
