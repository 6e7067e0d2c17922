"""What every service is told by its environment."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.runtime.env import Address, Dsn, setting

if TYPE_CHECKING:
    from tessera.client import Certificates


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where a service's data are: all that a migration must know."""

    dsn: Dsn = setting("Postgres of this service, postgresql://...; a pooler may stand between", secret=True)
    direct_dsn: Dsn | None = setting(
        "the same without a pooler, for migrations, partitions and LISTEN; absent: the same", default=None, secret=True
    )


@dataclass(frozen=True, kw_only=True)
class ServerSettings(DatabaseSettings):
    """What every service is told by its environment."""

    listen: tuple[Address, ...] = setting("host:port to serve gRPC on; several, by commas, make a worker process each")
    metrics_listen: tuple[Address, ...] | None = setting(
        "host:port for Prometheus, one a worker; absent: none", default=None
    )
    tls: Path | None = setting(
        "folder of this process's certificate for mTLS: `tls.crt`, with the names spiffe://DOMAIN/SERVICE and SERVICE, "
        "`tls.key`, and `ca.crt`, whose certificates are believed; read again when replaced; absent: plaintext",
        default=None,
    )
    trust_domain: str = setting("DOMAIN in the names of our own processes' certificates", default="tessera")
    peers: tuple[str, ...] = setting(
        "who else may connect by mTLS, beside our own processes: names in their certificates, by commas; "
        "spiffe://DOMAIN/PATH/* is all below",
        default=(),
    )
    health_listen: tuple[Address, ...] | None = setting(
        "host:port, one a worker, where health checks alone are answered, in plaintext: for probes that have no "
        "certificate; absent: none",
        default=None,
    )
    pool_size: int = setting("database connections a worker", default=10, minimum=1, maximum=200)
    statement_timeout: timedelta = setting(
        "seconds that one statement may run", default=timedelta(seconds=5), minimum=0.1, maximum=300
    )
    state_dir: Path = setting("folder for what must outlive the process: the last verification keys")
    max_message_bytes: int = setting("largest request in bytes", default=4_194_304, minimum=65_536)
    lame_duck: timedelta = setting(
        "seconds between saying that it stops serving and refusing calls, so that balancers look elsewhere",
        default=timedelta(seconds=2),
        minimum=0,
        maximum=300,
    )
    drain: timedelta = setting(
        "seconds that calls under way are given at the end", default=timedelta(seconds=5), minimum=0, maximum=300
    )
    calls_per_second: int | None = setting(
        "calls that one caller may make at a worker in a second, our own services left out; absent: any number",
        default=None,
        minimum=1,
        maximum=1_000_000,
    )
    revocations_max_age: timedelta = setting(
        "seconds without word of what is revoked after which calls that give power are refused: admin, link, unlink",
        default=timedelta(seconds=30),
        minimum=1,
        maximum=86_400,
    )
    log_level: str = setting("how much is logged", default="info", choices=("debug", "info", "warning", "error"))
    log_format: str = setting("json for machines, console for people", default="json", choices=("json", "console"))

    def problems(self) -> list[str]:
        """Settings that contradict each other."""
        found = []
        if self.metrics_listen and len(self.metrics_listen) != len(self.listen):
            found.append("TESSERA_METRICS_LISTEN: it must name as many addresses as TESSERA_LISTEN")
        if self.health_listen and len(self.health_listen) != len(self.listen):
            found.append("TESSERA_HEALTH_LISTEN: it must name as many addresses as TESSERA_LISTEN")
        addresses = (*self.listen, *(self.health_listen or ()), *(self.metrics_listen or ()))
        if len(set(addresses)) != len(addresses):
            found.append("TESSERA_LISTEN, TESSERA_HEALTH_LISTEN, TESSERA_METRICS_LISTEN: an address stands twice")
        if self.tls:
            from services.runtime import tls  # and with it gRPC, which a migration does without

            try:
                tls.server_credentials(self.tls)
            except (OSError, ValueError) as error:
                found.append(f"TESSERA_TLS: {error}")
        elif self.peers or self.health_listen:
            found.append("TESSERA_PEERS, TESSERA_HEALTH_LISTEN: of no use without TESSERA_TLS")
        return found


@dataclass(frozen=True, kw_only=True)
class FollowerSettings(ServerSettings):
    """What a service is told that follows the token service's keys."""

    token_address: tuple[Address, ...] = setting(
        "host:port of the token service's workers: IP addresses, by commas, or one host name"
    )

    def problems(self) -> list[str]:
        """Settings that contradict each other; and addresses that gRPC cannot take together."""
        from tessera.client.channel import target  # as above

        found = super().problems()
        try:
            target(*map(str, self.token_address))
        except ValueError as error:
            found.append(f"TESSERA_TOKEN_ADDRESS: {error}")
        return found

    @property
    def token_tls(self) -> "Certificates | None":
        """How token is called: by mTLS where this service speaks it itself."""
        from tessera.client import Certificates  # as above

        return Certificates(self.tls, "token") if self.tls else None
