"""RevocationService and UserFeedService."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from collections.abc import AsyncGenerator
from typing import Any

from tessera.token.v1 import feed_service_pb2, feed_service_pb2_grpc

from services.runtime.auth import principal
from services.token.actions.users.check_users import check_users
from services.token.convert import users as convert
from services.token.convert.fields import checked_domain_id
from services.token.resources import Resources


class RevocationServicer(feed_service_pb2_grpc.RevocationServiceServicer):
    """Which access tokens are good no longer."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def WatchRevocations(
        self, request: feed_service_pb2.WatchRevocationsRequest, _context: Any
    ) -> AsyncGenerator[feed_service_pb2.WatchRevocationsResponse, None]:
        """Tell what is revoked."""
        return self._resources.feeds.watch_revocations(request)


class UserFeedServicer(feed_service_pb2_grpc.UserFeedServiceServicer):
    """What became of users."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def WatchUsers(
        self, request: feed_service_pb2.WatchUsersRequest, _context: Any
    ) -> AsyncGenerator[feed_service_pb2.WatchUsersResponse, None]:
        """Tell what happens to users."""
        return self._resources.feeds.watch_users(principal(), request)

    async def CheckUsers(
        self, request: feed_service_pb2.CheckUsersRequest, _context: Any
    ) -> feed_service_pb2.CheckUsersResponse:
        """Say which of some users are not there."""
        unknown = await check_users(
            self._resources,
            principal(),
            domain_id=checked_domain_id(request.domain_id),
            user_ids=convert.checked_user_ids(request.user_ids),
        )
        return feed_service_pb2.CheckUsersResponse(unknown_user_ids=unknown)
