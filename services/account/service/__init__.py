"""The servicers, a module each: a few lines a method, which convert, act and convert."""

from collections.abc import Callable, Iterator
from typing import Any

from tessera.account.v1 import (
    account_admin_service_pb2,
    account_admin_service_pb2_grpc,
    account_service_pb2,
    account_service_pb2_grpc,
    link_service_pb2,
    link_service_pb2_grpc,
)

from services.account.resources import Resources
from services.account.service.account_admin_service import AccountAdminServicer
from services.account.service.account_service import AccountServicer
from services.account.service.link_service import LinkServicer
from services.account.service.open_account_service import OpenAccountServicer
from services.runtime.server import Servicer

# Each file of proto/, and who answers for its services; a servicer is named as its service.
_ALL: tuple[tuple[Any, Any, tuple[Callable[[Resources], Any], ...]], ...] = (
    (account_service_pb2, account_service_pb2_grpc, (AccountServicer, OpenAccountServicer)),
    (account_admin_service_pb2, account_admin_service_pb2_grpc, (AccountAdminServicer,)),
    (link_service_pb2, link_service_pb2_grpc, (LinkServicer,)),
)


def servicers(resources: Resources) -> Iterator[Servicer]:
    """What the account service serves."""
    for file, stubs, makers in _ALL:
        for make in makers:
            implementation = make(resources)
            name = type(implementation).__name__.removesuffix("r")
            add = getattr(stubs, f"add_{name}Servicer_to_server")
            yield Servicer(file.DESCRIPTOR.services_by_name[name], add, implementation)
