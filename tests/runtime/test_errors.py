"""Errors: reason, status and details come from proto, inner text from nowhere."""

import importlib
from types import ModuleType

import pytest
from google.rpc import error_details_pb2

from services.runtime import errors
from services.runtime.errors import FieldMissing, Internal, Refusal, Unavailable


def reasons_of(package: str) -> set[str]:
    module = importlib.import_module(f"tessera.{package}.v1.error_reason_pb2")
    return {name for name, number in module.ErrorReason.items() if number}


def refusals_in(module: ModuleType) -> set[type[Refusal]]:
    """Classes that stand for a reason: a service's base class stands for none."""
    classes = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Refusal)]
    return {refusal for refusal in classes if "reason" in vars(refusal)}


def test_a_status_carries_reason_and_field() -> None:
    status = FieldMissing("user_id").status()
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (status.code, info.reason, info.domain) == (3, "FIELD_MISSING", "tessera")
    assert bad.field_violations[0].field == "user_id"


def test_the_detail_is_for_the_log_alone() -> None:
    status = Unavailable("database", detail="password=hunter2").status()
    assert "hunter2" not in str(status)
    assert "hunter2" not in str(Internal(detail="hunter2").status())


SERVICES = ["token", "account", "binding"]


def refusals_of(package: str) -> set[type[Refusal]]:
    module = importlib.import_module(f"services.{package}.errors")
    return {refusal for refusal in refusals_in(module) if refusal.__module__ == module.__name__}


@pytest.mark.parametrize("package", SERVICES)
def test_every_reason_of_a_service_has_one_class(package: str) -> None:
    assert sorted(refusal.reason for refusal in refusals_of(package)) == sorted(reasons_of(package))


@pytest.mark.parametrize("package", SERVICES)
def test_every_refusal_is_told_in_words_of_its_own(package: str) -> None:
    for refusal in refusals_of(package):
        if "__init__" not in vars(refusal):
            assert refusal().status().message == vars(refusal)["public"]


# Said by the gateway, which answers them without asking a service.
GATEWAYS = {"ROUTE_NOT_FOUND", "REQUEST_TOO_LARGE", "FORMAT_INVALID"}


def test_every_reason_of_the_runtime_has_its_class() -> None:
    own = {refusal.reason for refusal in refusals_in(errors) if refusal is not Refusal}
    assert own == reasons_of("runtime") - GATEWAYS


def test_no_reason_stands_in_two_enums() -> None:
    names = [name for package in ("runtime", *SERVICES) for name in reasons_of(package)]
    assert len(names) == len(set(names))
