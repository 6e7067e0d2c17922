"""What pages tell their readers to paste, run as a reader would, and compared with the answers that the pages show."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import SERVICES
from deploy.local.stack import Stack
from tests.support.world import World

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# What stands for whatever it may be, in an answer that is shown.
LEFT_OUT = "…"
_ANSWERS = ("json", "xml", "text")
_MARK = "-- end of a step --"
# As README and the pages say; a stack of the tests has others.
_USUAL = {"token": 50051, "account": 50052, "binding": 50053}
_USUAL_METRICS = 9464


@dataclass(frozen=True)
class Step:
    """A block of lines to be pasted.

    Args:
        place: the page's name and the line, for who reads that it fails.
        commands: the lines.
        answer: what the page shows below them; `None` where it shows nothing.
    """

    place: str
    commands: str
    answer: str | None


def steps(page: Path) -> list[Step]:
    """The blocks marked `sh` of a page, each with the block of an answer that follows it directly."""
    text = page.read_text(encoding="utf-8")
    blocks = list(FENCED.finditer(text))
    found = []
    for block, follower in zip(blocks, [*blocks, None][1:], strict=True):
        if block[1] == "sh":
            shows = follower and follower[1] in _ANSWERS and not text[block.end() : follower.start()].strip()
            place = f"{page.name}:{text.count(chr(10), 0, block.start()) + 1}"
            found.append(Step(place, block[2], follower[2] if follower and shows else None))
    return found


def agrees(answer: str, shown: str) -> bool:
    """Whether an answer is the one that is shown. Blanks do not count, and `…` stands for anything."""
    parts = ("".join(part.split()) for part in shown.split(LEFT_OUT))
    return re.fullmatch(".*".join(map(re.escape, parts)), "".join(answer.split())) is not None


async def pasted(text: str, stack: Stack, world: World) -> str:
    """What a shell says to some lines, pasted on a machine where the stack runs on its usual ports and folder."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euc",
        _moved(text, stack, world),
        cwd=ROOT,
        env=os.environ | {"TESSERA_HOME": str(stack.home.path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, f"{output.decode()[-2000:]}\n{errors.decode()}"
    return output.decode()


async def follow(page: Path, stack: Stack, world: World) -> None:
    """Do what a page says, in one shell from its first block to its last, and compare what it shows."""
    todo = steps(page)
    script = "\n".join(f"{step.commands}\nprintf '%s\\n' '{_MARK}'" for step in todo)
    answers = (await pasted(script, stack, world)).split(_MARK + "\n")[:-1]
    for step, answer in zip(todo, answers, strict=True):
        assert step.answer is None or agrees(answer, step.answer), f"{step.place} answers\n{answer}\nnot\n{step.answer}"


def _moved(text: str, stack: Stack, world: World) -> str:
    moved: Mapping[str, str] = {
        "http://localhost:8080": world.gateway,
        "localhost:8080": world.gateway.removeprefix("http://"),
        ".tessera/": f"{stack.home.path}/",
        ".venv/bin/python": sys.executable,
        **{f"127.0.0.1:{_USUAL[service]}": world.grpc[service] for service in SERVICES},
        **{
            f"localhost:{_USUAL_METRICS + number}": str(stack.layout.metrics[service][0])
            for number, service in enumerate(SERVICES)
        },
    }
    for usual, here in moved.items():
        text = text.replace(usual, here)
    return text
