"""A channel whose certificates are renewed while it is used."""

from collections.abc import Callable
from typing import Any, Self

import grpc
from tessera.client.certificates import Pems, Watched


class RenewedChannel(grpc.aio.Channel):
    """A channel that is another one for each call that begins after the certificates were replaced.

    Args:
        certificates: the folder.
        open_with: opens a channel with what is in it.
    """

    def __init__(self, certificates: Watched, open_with: Callable[[Pems], grpc.aio.Channel]) -> None:
        self._certificates = certificates
        self._open_with = open_with
        self._channel = open_with(certificates.pems)
        self._closed = False

    def current(self) -> grpc.aio.Channel:
        """The channel for a call that begins now."""
        try:
            pems = None if self._closed else self._certificates.renewed()
        except (OSError, ValueError):
            # Half of a change, or a wrong one: what was good may be so still.
            pems = None
        if pems:
            # The one before closes when nobody has it any more: the last is the last of its calls.
            self._channel = self._open_with(pems)
        return self._channel

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close the channel; calls under way have `grace` seconds, where there are any."""
        self._closed = True
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 as in gRPC
        """The state of the channel that the next call would take."""
        return self.current().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until that channel's state is another one."""
        await self.current().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until that channel is connected."""
        await self.current().channel_ready()

    def unary_unary(self, *args: Any, **options: Any) -> Any:
        """As gRPC's; so the three that follow."""
        return _Method(self, "unary_unary", args, options)

    def unary_stream(self, *args: Any, **options: Any) -> Any:
        """One request, a stream of answers."""
        return _Method(self, "unary_stream", args, options)

    def stream_unary(self, *args: Any, **options: Any) -> Any:
        """A stream of requests, one answer."""
        return _Method(self, "stream_unary", args, options)

    def stream_stream(self, *args: Any, **options: Any) -> Any:
        """A stream each way."""
        return _Method(self, "stream_stream", args, options)


class _Method:
    """A method of a stub, on whatever channel is the current one."""

    def __init__(self, owner: RenewedChannel, kind: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._owner = owner
        self._made = kind, args, options
        self._channel: grpc.aio.Channel | None = None
        self._call: Any = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        channel = self._owner.current()
        if channel is not self._channel:
            kind, made_args, made_options = self._made
            self._channel, self._call = channel, getattr(channel, kind)(*made_args, **made_options)
        call = self._call(*args, **options)
        # A channel that nobody has closes; this call is to have it to its end.
        call.add_done_callback(lambda _: channel)
        return call
