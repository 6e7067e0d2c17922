"""Each admin RPC asks for its permission, before it looks at anything else."""

from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from tessera.token.v1 import domain_service_pb2, token_admin_service_pb2

from tests.support.calls import Metadata, bearer, refused
from tests.support.token import Running

METHODS: list[MethodDescriptor] = [
    method
    for module in (token_admin_service_pb2, domain_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


async def _call(service: Running, method: MethodDescriptor, metadata: Metadata | None) -> Any:
    call = service.channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return await call(GetMessageClass(method.input_type)(), metadata=metadata)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
async def test_who_may_not_call(service: Running, method: MethodDescriptor) -> None:
    await refused(_call(service, method, None), "UNAUTHENTICATED")
    others = await service.caller("account.link", "token.user.read", "token.session", "token.audit")
    await refused(_call(service, method, others), "PERMISSION_DENIED")
    user = await service.by_assertion(await service.jwt_app(), await service.user(role="admin"), auto_create=False)
    await refused(_call(service, method, bearer(user.access_token)), "PERMISSION_DENIED")
