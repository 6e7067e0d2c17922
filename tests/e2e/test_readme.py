"""README's lines do what README says, twice too."""

import json

from deploy.local.stack import Stack
from tests.support.pages import ROOT, pasted, steps
from tests.support.world import World

BLOCKS = [step.commands for step in steps(ROOT / "README.md")]
CALLS = next(block for block in BLOCKS if "curl" in block)
GRPC = next(block for block in BLOCKS if "import asyncio" in block)
DEMO, *LINES = [line for line in CALLS.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]


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
