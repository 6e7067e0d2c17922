"""Channels to peers."""

import ipaddress

import grpc

from services.runtime.env import Address

_OPTIONS = [
    ("grpc.lb_policy_name", "round_robin"),
    # A peer that was restarted is found again within a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Also what one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # Several services of one process (tests) must not share a broken connection.
    ("grpc.use_local_subchannel_pool", 1),
]


def open_channel(addresses: tuple[Address, ...]) -> grpc.aio.Channel:
    """Open a channel to a peer's workers, used in turn. Connects when first called, and again by itself.

    Args:
        addresses: IP addresses, any number; or one host name, whose every address is used.
    """
    try:
        for address in addresses:
            ipaddress.IPv4Address(address.host)
        target = "ipv4:" + ",".join(str(address) for address in addresses)
    except ValueError:
        target = f"dns:///{addresses[0]}"
    return grpc.aio.insecure_channel(target, options=_OPTIONS)
