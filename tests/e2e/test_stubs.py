"""Stubs for other languages: they compile, and the example beside them calls by them."""

import asyncio
import os
from pathlib import Path

import pytest

from deploy.clients import LANGUAGES, Missing
from deploy.local.stack import Stack
from tests.support.world import World

EXAMPLES = {"go": ("go", "run", "./example"), "typescript": ("node", "dist/example.js")}


# Toolchains may have to fetch and compile what the stubs need.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_they_compile_and_the_example_calls(language: str, stack: Stack, world: World, tmp_path: Path) -> None:
    folder = tmp_path / language
    try:
        await asyncio.to_thread(LANGUAGES[language], folder)
    except Missing as missing:
        pytest.skip(f"this needs {missing}")

    async def example(demo: Path) -> tuple[int | None, str, str]:
        addresses = {f"TESSERA_{service.upper()}_ADDRESS": address for service, address in world.grpc.items()}
        process = await asyncio.create_subprocess_exec(
            *EXAMPLES[language],
            str(demo),
            cwd=folder,
            env=os.environ | addresses,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()

    status, output, errors = await example(stack.home.demo)
    assert (status, output.split()[:2], errors) == (0, [world.demo["user_id"], "has"], "")
    # What it is told where the secret is wrong is the reason, out of the error's details.
    wrong = tmp_path / "demo.json"
    wrong.write_text(stack.home.demo.read_text().replace(world.demo["client_secret"], "wrong"))
    status, _, errors = await example(wrong)
    assert status
    assert "INVALID_CLIENT" in errors
