"""README's lines do what README says, twice too."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from deploy.local.stack import Stack
from tests.support.world import World

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
CALLS = next(block for block in BLOCKS if "curl" in block)
GRPC = next(block for block in BLOCKS if "import asyncio" in block)
DEMO, *LINES = [line for line in CALLS.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


async def pasted(text: str, stack: Stack, world: World) -> str:
    """What a shell says to some lines, pasted on a machine where the stack runs on its usual ports and folder."""
    text = text.replace("http://", "").replace("localhost:8080", world.gateway)
    text = text.replace("127.0.0.1:50051", world.grpc["token"]).replace("127.0.0.1:50052", world.grpc["account"])
    text = text.replace(".tessera/", f"{stack.home.path}/").replace(".venv/bin/python", sys.executable)
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euc",
        text,
        cwd=ROOT,
        env=os.environ | {"TESSERA_HOME": str(stack.home.path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def test_the_curl_lines_work_one_after_the_other_and_twice(stack: Stack, world: World) -> None:
    for line in [line for line in LINES for _ in range(2)]:
        answer = await pasted(f"{DEMO}\n{line}", stack, world)
        if "Format=XML" in line:
            assert "<DescribeOpenAccountResponse>" in answer
            continue
        body = json.loads(answer)
        assert not {"error", "Code", "code"} & set(body), answer
        assert body.get("ret_code", 0) == 0, answer


async def test_the_grpc_example(stack: Stack, world: World) -> None:
    await pasted(f"{DEMO}\n{LINES[2]}", stack, world)  # so that there is a link to be listed
    assert world.demo["user_id"] in await pasted(GRPC, stack, world)
