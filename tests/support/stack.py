"""The whole stack on ports and in a folder of its own, also while `make run` runs."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.config import LocalSettings
from deploy.local.ports import SERVICES
from deploy.local.stack import Stack
from tests.support.databases import HASTY
from tests.support.ports import free_ports, free_row
from tests.support.world import World


def local_settings(home: Path, postgres_settings: str = "") -> LocalSettings:
    """Settings of a stack that meets no other one."""
    gateway, app, token, account, binding = free_ports(5)
    return LocalSettings(
        home=home,
        gateway_port=gateway,
        app_port=app,
        token_port=token,
        account_port=account,
        binding_port=binding,
        metrics_port=free_row(3)[0],
        postgres_settings=postgres_settings,
    )


@asynccontextmanager
async def running_stack(home: Path, *, environ: Mapping[str, str] = os.environ) -> AsyncIterator[tuple[Stack, World]]:
    """Run everything in a folder. Its processes' lines go to standard output, which pytest shows where a test fails."""
    async with Stack(local_settings(home, HASTY), lambda name, line: print(f"{name}: {line}"), environ) as stack:
        yield stack, world_of(stack)


def world_of(stack: Stack) -> World:
    """What a stranger knows of a running stack."""
    return World(
        gateway=stack.layout.gateway_url,
        demo=json.loads(stack.home.demo.read_text(encoding="utf-8")),
        grpc={service: str(stack.layout.peers(service)[0]) for service in SERVICES},
    )
