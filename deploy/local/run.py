"""`make run`: the stack with its lines on the terminal, until it is asked to stop."""

import dataclasses
import difflib
import time
from collections.abc import Iterator, Mapping

from deploy.local.config import DEFAULT_HOME, LocalSettings
from deploy.local.console import Screen, shown
from deploy.local.curl import lines
from deploy.local.errors import CannotRun
from deploy.local.stack import Stack
from deploy.settings import SETTINGS
from services.runtime.env import PREFIX
from services.runtime.supervisor import ProcessFailed


async def run(settings: LocalSettings, environ: Mapping[str, str], begun: float) -> None:
    """Start the stack, say where things are, keep it until SIGINT, SIGTERM or SIGHUP, and stop it.

    Args:
        settings: where it stands and listens.
        environ: what every process finds in its environment beside what the stack sets.
        begun: `time.monotonic()` when the person began to wait.

    Raises:
        CannotRun: something on this machine stands in the way. Everything is stopped.
        SettingsError: a setting is wrong. Everything is stopped.
    """
    screen = Screen()
    for line in unread(environ):
        screen.say(line, "yellow")
    stack = Stack(settings, screen.line, environ)
    with stack.supervisor.signals():
        try:
            if await stack.supervisor.attempt(stack.start()):
                _say_where_things_are(screen, stack, settings, time.monotonic() - begun)
                await stack.supervisor.stopping.wait()
        except ProcessFailed as error:
            raise CannotRun(f"{error}; its lines above say why, Postgres's stand in {stack.home.log}") from error
        finally:
            if stack.supervisor.stopping.is_set():
                screen.say("stopping everything", "bold")
            await stack.stop()
    screen.say("stopped; the data stays in " + shown(stack.home.path), "bold")


def unread(environ: Mapping[str, str]) -> Iterator[str]:
    """A line for each setting that no process reads: it is misspelt, perhaps."""
    known = {PREFIX + field.name.upper() for settings in SETTINGS.values() for field in dataclasses.fields(settings)}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name.removesuffix("_FILE") not in known:
            meant = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
            yield f"{name} is no setting, and does nothing" + "".join(f": {each}?" for each in meant)


def _say_where_things_are(screen: Screen, stack: Stack, settings: LocalSettings, seconds: float) -> None:
    layout = stack.layout
    screen.say()
    screen.say(f"Tessera is ready, after {seconds:.1f} s.", "bold green")
    screen.say(f"  REST      {layout.gateway_url}   (/docs, /ready, /healthz)")
    screen.say(f"  Log on    {layout.app_url}   (a demo app; codes: {layout.gateway_url}/logon/inbox)")
    for service, workers in layout.workers.items():
        addresses = ", ".join(map(str, workers))
        metrics = ", ".join(f"{address}/metrics" for address in layout.metrics[service])
        screen.say(f"  {service:<9} {addresses}   (gRPC; metrics {metrics})")
    screen.say(f"  Data      {shown(stack.home.path)}   (demo.json: ids and credentials of the demo; log/)")
    screen.say()
    for what, line in lines(stack.demo, settings.home, DEFAULT_HOME):
        screen.say(f"# {what}", "dim")
        screen.say(line)
    screen.say()
    screen.say("Ctrl-C stops everything.", "bold")
