"""Push apps that call the binding service, in the JSON that the gateway reads and prints."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
from google.protobuf import json_format
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from tests.support.calls import bearer, refusal_in

Json = dict[str, Any]


@dataclass(frozen=True)
class PushApp:
    """A push app and its access token."""

    access_id: int
    token: str
    channel: grpc.aio.Channel
    connection: asyncpg.Connection

    async def call(self, request: Json) -> Json:
        """BatchOperateAccounts."""
        stub = binding_service_pb2_grpc.BindingServiceStub(self.channel)
        message = json_format.ParseDict(
            request, binding_service_pb2.BatchOperateAccountsRequest(), ignore_unknown_fields=True
        )
        return _printed(await stub.BatchOperateAccounts(message, metadata=bearer(self.token)))

    async def query(self, request: Json) -> Json:
        """QueryAccounts."""
        stub = binding_service_pb2_grpc.BindingServiceStub(self.channel)
        message = json_format.ParseDict(request, binding_service_pb2.QueryAccountsRequest(), ignore_unknown_fields=True)
        return _printed(await stub.QueryAccounts(message, metadata=bearer(self.token)))

    async def operate(self, operator: int, *entries: tuple[str, list[Any]], **more: Any) -> list[str]:
        """Operators 1 to 3, for tokens with accounts; answers the codes."""
        listed = [{"token": token, "account_list": [account(item) for item in items]} for token, items in entries]
        answer = await self.call({"operator_type": operator, "token_accounts": listed, **more})
        return answer["result"]

    async def bind(self, *entries: tuple[str, list[Any]], **more: Any) -> list[str]:
        """Operator 2."""
        return await self.operate(2, *entries, **more)

    async def rows(self) -> list[tuple[str, int, str]]:
        """All that the app has bound: token, type, account."""
        found = await self.connection.fetch(
            "select token, account_type, account from binding.binding where access_id = $1 order by 1, 2",
            self.access_id,
        )
        return [tuple(row) for row in found]

    async def whole_rows(self) -> list[tuple[Any, ...]]:
        """All that the app has bound, with when and in which order."""
        found = await self.connection.fetch(
            "select * from binding.binding where access_id = $1 order by token, account_type", self.access_id
        )
        return [tuple(row) for row in found]

    async def tokens_of(self, item: Any) -> list[str]:
        """The tokens of one account; empty where it has none."""
        try:
            answer = await self.query({"operator_type": 1, "account_list": [account(item)]})
        except grpc.aio.AioRpcError as error:
            if refusal_in(error).reason != "NOTHING_BOUND":
                raise
            return []
        return answer["account_tokens"][0]["token_list"]


def account(item: Any) -> Json:
    """An account as JSON: from its name, or its name and type."""
    return {"account": item} if isinstance(item, str) else {"account": item[0], "account_type": item[1]}


def _printed(message: Any) -> Json:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
