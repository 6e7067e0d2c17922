"""mTLS of a service: what it proves itself with, and who may connect."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from prometheus_client import Gauge
from tessera.client.certificates import CHAIN, Pems, Watched

from services.runtime.errors import Unauthenticated

log = structlog.get_logger()

END = Gauge("tessera_certificate_end_seconds", "When this process's certificate ends, in seconds since 1970; 0: none.")

# Whoever asks whether a process lives has no certificate. What a credential is good for is told to the gateway alone.
_FOR_ANYBODY = "/grpc.health.v1.Health/"
_FOR_THE_GATEWAY = "/envoy.service.auth.v3.Authorization/"


class Peers:
    """Who may connect to a service, by the names in their certificates (SPIFFE's X.509-SVID).

    Args:
        domain: the trust domain of our own processes, each of which is `spiffe://DOMAIN/` and its name.
        callers: those of them, beside the gateway, that may: `account`, …
        further: whole names; `spiffe://DOMAIN/PATH/*` is every name below that path.
    """

    def __init__(self, domain: str, callers: Iterable[str] = (), further: Iterable[str] = ()) -> None:
        self._gateway = f"spiffe://{domain}/gateway"
        self._names = {self._gateway, *(f"spiffe://{domain}/{caller}" for caller in callers)}
        self._names.update(name for name in further if not name.endswith("/*"))
        self._below = tuple(name.removesuffix("*") for name in further if name.endswith("/*"))

    def check(self, method: str, identity: Mapping[str, Iterable[bytes]]) -> None:
        """Look at who makes a call.

        Args:
            method: the whole name of the RPC.
            identity: what gRPC knows of the connection (`auth_context`). The authority is already verified.

        Raises:
            Unauthenticated: there is no certificate, or it is somebody's who may not connect, or not for this.
        """
        if method.startswith(_FOR_ANYBODY):
            return
        names = [name.decode(errors="replace") for name in identity.get("peer_uri") or ()]
        name = names[0] if len(names) == 1 else ""
        if method.startswith(_FOR_THE_GATEWAY):
            allowed = name == self._gateway
        else:
            allowed = bool(name) and (name in self._names or name.startswith(self._below))
        if not allowed:
            raise Unauthenticated(detail=f"no caller of this: {name or 'no name'}")


def server_credentials(folder: Path) -> grpc.ServerCredentials:
    """What a server proves itself with, and asks of its callers; each new connection by what the folder holds then.

    Raises:
        OSError: a file cannot be read.
        ValueError: what is read is no certificate, or not the key's.
    """
    watched = Watched(folder)
    END.set_function(lambda: _end(folder))
    # A thread of gRPC's writes it, where nothing is bound.
    own_log = log.bind(**structlog.contextvars.get_contextvars())

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        try:
            pems = watched.renewed()
        except (OSError, ValueError) as error:
            # Half of a change, or a wrong one: what was good may be so still.
            own_log.warning("certificates not taken", problem=str(error))
            return None
        if pems is None:
            return None
        own_log.info("certificates taken")
        return _configuration(pems)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(watched.pems),
        renewed,  # type: ignore[arg-type]  # nothing is what it answers where nothing has changed
        require_client_authentication=True,
    )


def _end(folder: Path) -> float:
    """When the certificate ends that is there now."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / CHAIN).read_bytes())
    except (OSError, ValueError):
        return 0
    return certificate.not_valid_after_utc.timestamp()


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pems.key, pems.chain)], pems.authorities)
