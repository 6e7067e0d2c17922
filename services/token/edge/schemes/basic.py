"""`Basic access_id:secret_key`, as push backends send it."""

from services.token.actions.phases.clients import read_basic
from services.token.edge.push_apps import refused, verify
from services.token.edge.request import Request
from services.token.edge.schemes.scheme import Caller
from services.token.errors import InvalidClient
from services.token.resources import Resources


class Basic:
    """HTTP's Basic (RFC 7617)."""

    name = "basic"

    def is_meant(self, request: Request) -> bool:
        """By the header `authorization`."""
        return request.scheme == self.name

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """The push app whose secret was sent."""
        try:
            identifier, secret = read_basic(request.credential)
        except InvalidClient as error:
            raise refused(str(error)) from error
        return await verify(resources, request, identifier, lambda own: (own.decode(), secret))
