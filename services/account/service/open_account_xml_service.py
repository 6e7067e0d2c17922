"""OpenAccountXmlService: the answers of OpenAccountService as documents."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from google.api import httpbody_pb2
from tessera.account.v1 import account_service_pb2, open_account_xml_service_pb2_grpc

from services.account.convert.xml import write_document
from services.account.resources import Resources
from services.account.service.open_account_service import OpenAccountServicer


class OpenAccountXmlServicer(open_account_xml_service_pb2_grpc.OpenAccountXmlServiceServicer):
    """Open accounts, in XML."""

    def __init__(self, resources: Resources) -> None:
        self._typed = OpenAccountServicer(resources)

    async def DescribeOpenAccount(
        self, request: account_service_pb2.DescribeOpenAccountRequest, context: Any
    ) -> httpbody_pb2.HttpBody:
        """Find an open account."""
        answer = await self._typed.DescribeOpenAccount(request, context)
        return write_document("DescribeOpenAccountResponse", answer)

    async def ListOpenAccounts(
        self, request: account_service_pb2.ListOpenAccountsRequest, context: Any
    ) -> httpbody_pb2.HttpBody:
        """List open accounts."""
        return write_document("ListOpenAccountsResponse", await self._typed.ListOpenAccounts(request, context))

    async def ListOpenAccountLinks(
        self, request: account_service_pb2.ListOpenAccountLinksRequest, context: Any
    ) -> httpbody_pb2.HttpBody:
        """List the open accounts of one person."""
        answer = await self._typed.ListOpenAccountLinks(request, context)
        return write_document("ListOpenAccountLinksResponse", answer)

    async def DeleteOpenAccount(
        self, request: account_service_pb2.DeleteOpenAccountRequest, context: Any
    ) -> httpbody_pb2.HttpBody:
        """Take an open account away."""
        return write_document("DeleteOpenAccountResponse", await self._typed.DeleteOpenAccount(request, context))
