"""Errors as callers catch them: one class a reason, below the class of its status."""

import grpc
import pytest
from google.rpc import error_details_pb2
from tessera.account.v1 import error_reason_pb2 as account_reasons
from tessera.account.v1.account_service_pb2 import GetLinkInfoRequest
from tessera.account.v1.account_service_pb2_grpc import AccountServiceStub
from tessera.binding.v1 import error_reason_pb2 as binding_reasons
from tessera.client import TesseraError, errors, open_channel
from tessera.runtime.v1 import error_reason_pb2 as runtime_reasons
from tessera.token.v1 import error_reason_pb2 as token_reasons

from deploy.client_errors import MODULE, errors_module
from tests.client.answering import Answering, refuse
from tests.support.ports import free_ports

STATUSES = {code.value[0]: code for code in grpc.StatusCode}
REASONS = [
    (value.name, STATUSES[value.GetOptions().Extensions[runtime_reasons.dialect].code])
    for module in (runtime_reasons, token_reasons, account_reasons, binding_reasons)
    for value in module.ErrorReason.DESCRIPTOR.values
    if value.number
]
METHOD = "/tessera.account.v1.AccountService/GetLinkInfo"
REQUEST = GetLinkInfoRequest(type="mobile", identity="13900001234")


def info(reason: str, domain: str = "tessera") -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=domain)


async def raised(address: str, **call: object) -> TesseraError:
    """What a call raises that is not tried again."""
    async with open_channel(address, retry=False) as channel:
        with pytest.raises(TesseraError) as caught:
            await AccountServiceStub(channel).GetLinkInfo(REQUEST, **call)
    return caught.value


def test_the_module_is_up_to_date() -> None:
    assert MODULE.read_text(encoding="utf-8") == errors_module(), "run `make manual`"


@pytest.mark.parametrize(("reason", "code"), REASONS)
async def test_every_reason_has_a_class_below_its_status(server: Answering, reason: str, code: grpc.StatusCode) -> None:
    server.answers = [refuse(code, "No.", info(reason))]
    error = await raised(server.address)
    assert type(error).__name__ == reason.title().replace("_", "")
    assert isinstance(error, errors.OF_STATUS[code])
    assert (error.reason, error.code(), error.message, error.field) == (reason, code, "No.", "")
    assert error.retryable == (code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED))


async def test_it_names_the_field_the_rpc_and_the_request(server: Answering) -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="identity", description="No.")
    bad = error_details_pb2.BadRequest(field_violations=[violation])
    server.answers = [refuse(grpc.StatusCode.INVALID_ARGUMENT, "No.", info("FIELD_INVALID"), bad)]
    error = await raised(server.address)
    assert (error.field, error.method) == ("identity", METHOD)
    assert error.request_id == server.seen[0].metadata["x-request-id"]
    assert str(error) == f"FIELD_INVALID at identity: No. [{METHOD}, request {error.request_id}]"


async def test_a_reason_that_is_newer_than_the_package_is_of_its_status(server: Answering) -> None:
    server.answers = [refuse(grpc.StatusCode.NOT_FOUND, "No.", info("NOT_FOUND_UNICORN"))]
    error = await raised(server.address)
    assert (type(error), error.reason) == (errors.NotFound, "NOT_FOUND_UNICORN")


async def test_what_somebody_else_says_is_no_reason_of_ours(server: Answering) -> None:
    async def unreadable(context: grpc.aio.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\xff\xff"),))
        await context.abort(grpc.StatusCode.NOT_FOUND, "No.")

    for answer in (
        refuse(grpc.StatusCode.NOT_FOUND, "No.", info("NOT_FOUND_LINK", "example.com")),
        refuse(grpc.StatusCode.NOT_FOUND, "No."),
        unreadable,
    ):
        server.answers = [answer]
        error = await raised(server.address)
        assert (type(error), error.reason, error.message) == (errors.NotFound, "", "No.")


async def test_where_nobody_listens_it_is_unavailable_without_a_reason() -> None:
    error = await raised(f"127.0.0.1:{free_ports(1)[0]}")
    assert (type(error), error.reason) == (errors.Unavailable, "")
    assert "UNAVAILABLE (by gRPC)" in str(error)


async def test_it_is_grpcs_own_error_too(server: Answering) -> None:
    server.answers = [refuse(grpc.StatusCode.NOT_FOUND, "No.", info("NOT_FOUND_LINK"))]
    async with open_channel(server.address) as channel:
        call = AccountServiceStub(channel).GetLinkInfo(REQUEST)
        with pytest.raises(grpc.aio.AioRpcError):
            await call
        assert await call.code() is grpc.StatusCode.NOT_FOUND
        assert await call.details() == "No."
