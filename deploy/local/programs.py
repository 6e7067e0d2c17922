"""What each process of the stack is: its command line, its environment, and how one sees that it serves."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.home import Home
from deploy.local.ports import Layout
from services.runtime.env import Address
from services.runtime.supervisor import Process

DEFAULT_DOMAIN = "bj1"
_ROOT = Path(__file__).parents[2]


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
        folder = str(self._home.identities)
        return self._command(
            "token",
            "bootstrap",
            *("--domain", DEFAULT_DOMAIN, "--issuer", issuer, "--secrets-dir", folder),
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

    def gateway(self) -> Process:
        """The gateway; ready when all three services are."""
        own = {
            "TESSERA_GATEWAY_LISTEN": str(self._layout.gateway),
            "TESSERA_GATEWAY_CONFIGURATION": str(self._home.state("gateway") / "envoy.yaml"),
            "TESSERA_GATEWAY_ADMIN_SOCKET": str(self._home.run() / "envoy.sock"),
            "TESSERA_GATEWAY_CLIENT_ID_FILE": str(self._home.identity("gateway_client_id")),
            "TESSERA_GATEWAY_CLIENT_SECRET_FILE": str(self._home.identity("gateway_client_secret")),
        }
        # Nobody is left to look elsewhere; who waits for an answer has that long.
        own |= {"TESSERA_GATEWAY_LAME_DUCK": "0", "TESSERA_GATEWAY_DRAIN": "5"}
        # Whoever calls from this machine has one address.
        own["TESSERA_GATEWAY_ADDRESS_RATE"] = self._environ.get("TESSERA_GATEWAY_ADDRESS_RATE", "0")
        own |= {f"TESSERA_{service.upper()}_ADDRESS": self._peers(service) for service in self._layout.workers}
        if "TESSERA_GATEWAY_ACCESS_LOG" not in self._environ:
            # The terminal shows what the services say of a call; this one, in JSON and for every probe, is for a file.
            access_log = self._home.log / "gateway.log"
            access_log.unlink(missing_ok=True)
            own["TESSERA_GATEWAY_ACCESS_LOG"] = str(access_log)

        async def ready() -> bool:
            return await _answers_200(Address(self._layout.reached_at, self._layout.gateway.port), "/ready")

        return Process(
            name="gateway",
            argv=(sys.executable, "-m", "gateway", "serve"),
            env=self._merged(own),
            cwd=_ROOT,
            ready=ready,
        )

    def _command(self, service: str, verb: str, *arguments: str, environ: Mapping[str, str]) -> Process:
        argv = (sys.executable, "-m", f"services.{service}", verb, *arguments)
        return Process(name=f"{service} {verb}", argv=argv, env=environ, cwd=_ROOT)

    def _env(self, service: str) -> Mapping[str, str]:
        own = {
            "TESSERA_DSN": self._dsn(service),
            "TESSERA_LISTEN": _listed(self._layout.workers[service]),
            "TESSERA_METRICS_LISTEN": _listed(self._layout.metrics[service]),
            "TESSERA_STATE_DIR": str(self._home.state(service)),
            "TESSERA_LOG_FORMAT": self._environ.get("TESSERA_LOG_FORMAT", "console"),
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
            own["TESSERA_CLIENT_ID_FILE"] = str(self._home.identity("account_client_id"))
            own["TESSERA_CLIENT_KEY_FILE"] = str(self._home.identity("account_client_key"))
            own["TESSERA_DOMAIN_ID"] = DEFAULT_DOMAIN
            # Elsewhere a key of its own; here whoever reads the one file reads the other.
            own["TESSERA_MASTER_KEY_FILE"] = str(self._home.key)
            # Where a person looks on, codes are shown; in a log for machines they may not stand.
            on_screen = own["TESSERA_LOG_FORMAT"] == "console"
            for sender in ("TESSERA_MOBILE_SENDER", "TESSERA_EMAIL_SENDER"):
                own[sender] = self._environ.get(sender, "console" if on_screen else "none")
        return self._merged(own)

    def _merged(self, own: Mapping[str, str]) -> Mapping[str, str]:
        """The environment with our own settings in it. A setting's other form, `…_FILE` or not, would win over ours."""
        names = {name.removesuffix("_FILE") for name in own}
        rest = {name: value for name, value in self._environ.items() if name.removesuffix("_FILE") not in names}
        return {**rest, "PYTHONUNBUFFERED": "1", **own}

    def _peers(self, service: str) -> str:
        return _listed(self._layout.peers(service))


def _listed(addresses: tuple[Address, ...]) -> str:
    return ",".join(str(address) for address in addresses)


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
