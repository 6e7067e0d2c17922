"""Channels to Tessera's services."""

import ipaddress
import re

import grpc
from tessera.client.calls import Calls, Streams, TwoWayStreams
from tessera.client.certificates import Certificates, Pems, Watched
from tessera.client.renewing import RenewedChannel
from tessera.client.retries import service_config
from tessera.client.tokens import AccessTokens

_OPTIONS = (
    # A service that was restarted is found again within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Also what one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A host that went away without a word is noticed within about a minute, not when TCP gives up.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # The services stand inside; a proxy that the environment names is the way out.
    ("grpc.enable_http_proxy", 0),
    # The keys of ten thousand domains are longer than the 4 MiB that gRPC would take.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # Channels of one process do not share a broken connection.
    ("grpc.use_local_subchannel_pool", 1),
)

_HOST_AND_PORT = re.compile(r"([^/:\s]+|\[[0-9A-Fa-f:.]+\]):\d+")


def open_channel(
    *addresses: str,
    access_tokens: AccessTokens | None = None,
    tls: Certificates | grpc.ChannelCredentials | None = None,
    timeout: float = 10.0,
    retry: bool = True,
) -> grpc.aio.Channel:
    """Open a channel for the generated stubs. It connects when first called, and again by itself; close it at the end.

    Args:
        addresses: `host:port` of the service's workers, used in turn: IP addresses of one family, any number; or one
            host name, whose every address is used.
        access_tokens: the caller's. `None` for RPCs that take no credential, as token's own.
        tls: `Certificates(…)` for mTLS by files that are replaced from time to time; `grpc.ssl_channel_credentials(…)`
            for what stays. `None`: plaintext, for a network or a mesh that is trusted.
        timeout: seconds that a call may take where it names no `timeout` itself: all tries, and getting the token. A
            stream has no end but the one that it is given.
        retry: whether calls that are UNAVAILABLE and may be repeated are made again, up to four times. Not for who
            is called by somebody that tries again, or does so itself.

    Raises:
        ValueError: an address that is not `host:port`, or several that are not IP addresses of one family; files that
            are no certificates, or do not fit together.
        OSError: a certificate cannot be read.
    """
    options = [*_OPTIONS, ("grpc.service_config", service_config(retry=retry))]
    interceptors: list[grpc.aio.ClientInterceptor] = [
        kind(access_tokens, timeout) for kind in (Calls, Streams, TwoWayStreams)
    ]
    where = target(*addresses)
    if tls is None:
        return grpc.aio.insecure_channel(where, options, interceptors=interceptors)
    if isinstance(tls, Certificates):
        options.append(("grpc.ssl_target_name_override", tls.server))

        def open_with(pems: Pems) -> grpc.aio.Channel:
            proven = grpc.ssl_channel_credentials(pems.authorities, pems.key, pems.chain)
            return grpc.aio.secure_channel(where, proven, options, interceptors=interceptors)

        return RenewedChannel(Watched(tls.folder), open_with)
    return grpc.aio.secure_channel(where, tls, options, interceptors=interceptors)


def target(*addresses: str) -> str:
    """The addresses, as `open_channel` takes them, in gRPC's words. Raises `ValueError` as it does."""
    for address in addresses:
        # gRPC would take port 443, and be silent until the deadline.
        if not _HOST_AND_PORT.fullmatch(address):
            raise ValueError(f"not host:port: {address}")
    try:
        versions = {ipaddress.ip_address(address.rpartition(":")[0].strip("[]")).version for address in addresses}
    except ValueError:
        versions = set()
    if len(versions) == 1:
        return f"ipv{versions.pop()}:{','.join(addresses)}"
    if len(addresses) == 1:
        return f"dns:///{addresses[0]}"
    raise ValueError(f"neither one host name nor IP addresses of one family: {', '.join(addresses) or 'no address'}")
