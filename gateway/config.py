"""Settings of the gateway."""

import dataclasses
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from services.runtime.env import Address, setting


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """What Envoy's configuration is rendered from."""

    gateway_listen: Address = setting("where callers connect", default=Address("127.0.0.1", 8080))
    gateway_tls: Path | None = setting(
        "folder of the listener's `tls.crt` (with its chain) and `tls.key`, as Kubernetes mounts them, read again when "
        "they are replaced; without it callers speak plain HTTP, and TLS is somebody's before the gateway",
        default=None,
    )
    gateway_hsts: timedelta = setting(
        "seconds for which a browser that came by TLS is to come by TLS alone (HSTS); 0: it is not told",
        default=timedelta(days=180),
        minimum=0,
        maximum=10 * 365 * 86_400,
    )
    tls: Path | None = setting(
        "folder of the gateway's certificate for mTLS with the services: `tls.crt`, with the name "
        "spiffe://DOMAIN/gateway, `tls.key`, and `ca.crt`, whose certificates are believed; read again when they are "
        "replaced. Absent: plaintext",
        default=None,
    )
    trust_domain: str = setting("DOMAIN in the names of our own processes' certificates", default="tessera")
    token_address: tuple[Address, ...] = setting(
        "the token service's workers, separated by commas", default=(Address("127.0.0.1", 50051),)
    )
    account_address: tuple[Address, ...] = setting(
        "the account service's workers, separated by commas", default=(Address("127.0.0.1", 50052),)
    )
    binding_address: tuple[Address, ...] = setting(
        "the binding service's workers, separated by commas", default=(Address("127.0.0.1", 50053),)
    )
    gateway_client_id: str = setting("the gateway's service identity, by which it asks token about credentials")
    gateway_client_secret: str = setting("that identity's secret", secret=True)
    gateway_descriptor_image: Path = setting(
        "the descriptor image that `make proto` writes; a relative path counts from the repository",
        default=Path("gen/tessera.binpb"),
    )
    gateway_docs: bool = setting("whether /docs shows the REST API, from `docs/openapi.yaml`", default=True)
    gateway_admin_socket: Path | None = setting(
        "Unix socket of Envoy's admin interface, made with mode 0600; without it `serve` makes `admin.sock` beside its "
        "configuration",
        default=None,
    )
    gateway_access_log: Path | None = setting("file of the access log; without it standard output", default=None)
    gateway_connections: int = setting(
        "connections of clients at the most, all listeners together",
        default=10_000,
        minimum=10,
        maximum=1_000_000,
    )
    gateway_heap_bytes: int = setting(
        "bytes of memory that Envoy may take: near to it connections end with their answer, from 95 % on no call is "
        "taken. To be some way below what its container may have",
        default=1024**3,
        minimum=128 * 1024**2,
        maximum=1024**4,
    )
    gateway_calls: int = setting(
        "calls under way at one service at the most; further ones are answered 503 at once",
        default=2048,
        minimum=1,
        maximum=1_000_000,
    )
    gateway_trusted_hops: int = setting(
        "proxies before the gateway, each of which adds an address to x-forwarded-for: so many are believed. 0: a "
        "caller's address is that of its connection",
        default=0,
        minimum=0,
        maximum=10,
    )
    gateway_address_rate: int = setting(
        "requests a second that one address may make of this gateway, whatever its credential, and as many at once; a "
        "network of 64 bits is one address of IPv6. 0: as many as it likes",
        default=1000,
        minimum=0,
        maximum=1_000_000,
    )
    gateway_rate_limit_address: Address | None = setting(
        "a rate limit service (envoy.service.ratelimit.v3) that all gateways ask about every call; without it none is",
        default=None,
    )
    gateway_cors_origins: tuple[str, ...] = setting(
        "origins of browser apps that may call /v2 and read what is public, by commas, as `https://app.example.com`",
        default=(),
    )
    gateway_timeout: timedelta = setting(
        "seconds that a service has for a call",
        default=timedelta(seconds=10),
        minimum=0.1,
        maximum=300,
    )
    gateway_authorization_timeout: timedelta = setting(
        "seconds that token has to verify a credential", default=timedelta(seconds=1), minimum=0.05, maximum=30
    )
    gateway_request_timeout: timedelta = setting(
        "seconds that a caller has to send a request, its body included",
        default=timedelta(seconds=15),
        minimum=0.1,
        maximum=300,
    )
    gateway_body_bytes: int = setting(
        "largest request body, in bytes, but on /v3", default=64 * 1024, minimum=1024, maximum=16 * 1024 * 1024
    )
    gateway_batch_body_bytes: int = setting(
        "largest request body on /v3, in bytes", default=1024 * 1024, minimum=1024, maximum=16 * 1024 * 1024
    )
    # Beyond it Envoy answers in its own words: not less than the services' own limits.
    gateway_reply_bytes: int = setting(
        "largest answer of a service, in bytes", default=32 * 1024 * 1024, minimum=32 * 1024 * 1024, maximum=1024**3
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings(GatewaySettings):
    """What `serve` is told beside what the configuration is rendered from."""

    gateway_configuration: Path = setting(
        "file that `serve` renders Envoy's configuration into, with mode 0600: it holds the gateway's secret. Other "
        "files of `serve` stand beside it"
    )
    gateway_threads: int = setting(
        "threads that serve calls: as many as CPUs that the gateway may use. Not taken from the machine, "
        "of which a container has a part only",
        default=2,
        minimum=1,
        maximum=256,
    )
    gateway_log_level: str = setting(
        "how much Envoy logs on standard error",
        default="warning",
        choices=("trace", "debug", "info", "warning", "error", "critical", "off"),
    )
    gateway_lame_duck: timedelta = setting(
        "seconds that the gateway serves on after it was asked to end and /ready has begun to answer 503, so that "
        "balancers look elsewhere",
        default=timedelta(seconds=5),
        minimum=0,
        maximum=300,
    )
    gateway_drain: timedelta = setting(
        "seconds that it waits for calls under way after that, and where another Envoy took over",
        default=timedelta(seconds=15),
        minimum=0,
        maximum=300,
    )

    def problems(self) -> list[str]:
        """Certificates that Envoy would not take: it listens without them, and ends every connection."""
        found = []
        for name, folder, authorities in (
            ("TESSERA_GATEWAY_TLS", self.gateway_tls, False),
            ("TESSERA_TLS", self.tls, True),
        ):
            if folder:
                found += [f"{name}: {problem}" for problem in _problems_of(folder, authorities=authorities)]
        return found


def _problems_of(folder: Path, *, authorities: bool) -> Iterator[str]:
    """What is wrong with the certificates in a folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain, key = folder / "tls.crt", folder / "tls.key"
    try:
        # A key with a password is asked for it on the terminal, where nothing answers.
        context.load_cert_chain(chain, key, password="")
    except (OSError, ValueError) as error:
        yield f"{chain} and {key} are no certificate and its key: {_reason(error)}"
    if authorities:
        try:
            context.load_verify_locations(folder / "ca.crt")
        except OSError as error:
            yield f"{folder / 'ca.crt'} has no authorities: {_reason(error)}"


def _reason(error: Exception) -> str:
    """Why a file was not taken, in a few words."""
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
