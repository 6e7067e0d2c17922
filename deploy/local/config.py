"""Settings of the stack without containers."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from services.runtime.env import setting

HIGHEST = 65_535
DEFAULT_HOME = Path(".tessera")


@dataclass(frozen=True, kw_only=True)
class LocalSettings:
    """What `make run` is told by `TESSERA_*`; a port p below takes as many ports, p and up, as there are processes."""

    home: Path = setting("folder of all data; made private (0700)", default=DEFAULT_HOME)
    bind: str = setting(
        "IPv4 address that everything listens on; 0.0.0.0 is every one of the machine's", default="127.0.0.1"
    )
    gateway_port: int = setting("port of the gateway: REST", default=8080, minimum=1, maximum=HIGHEST)
    app_port: int = setting(
        "port of the demo app, on 127.0.0.1 whatever the rest listens on", default=8081, minimum=1, maximum=HIGHEST
    )
    token_port: int = setting("port of token's first worker: gRPC", default=50051, minimum=1, maximum=HIGHEST)
    account_port: int = setting("port of account's first worker: gRPC", default=50052, minimum=1, maximum=HIGHEST)
    binding_port: int = setting("port of binding's first worker: gRPC", default=50053, minimum=1, maximum=HIGHEST)
    worker_port: int = setting("port of the first of all further workers", default=50101, minimum=1, maximum=HIGHEST)
    metrics_port: int = setting(
        "port of the first worker's metrics; the others' follow", default=9464, minimum=1, maximum=HIGHEST
    )
    workers: int = setting("worker processes a service", default=1, minimum=1, maximum=64)
    postgres_settings: str = setting(
        "settings of Postgres, name=value with blanks between, such as shared_buffers=3GB", default=""
    )
    log_level: str = setting("how much the services log", default="info", choices=("debug", "info", "warning", "error"))

    def problems(self) -> list[str]:
        """An address that the gateway would refuse when everything else runs."""
        try:
            ipaddress.IPv4Address(self.bind)
        except ValueError:
            return [f"TESSERA_BIND: {self.bind!r} is not an IPv4 address"]
        return []
