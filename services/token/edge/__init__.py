"""ext_authz: whatever credential a request brought becomes the one inside (docs/adr/0004, docs/adr/0060).

`servicer` answers the gateway. `surfaces` is the table of which surface takes which schemes, each of them a module of
`schemes`. `request` is what a scheme sees, `parameters` how a query and a form are read, `access_keys` what all schemes
with an access key have in common, `nonces` what makes a request good once.
"""

from services.token.edge.servicer import AuthorizationServicer
from services.token.edge.surfaces import SCHEMES

__all__ = ["SCHEMES", "AuthorizationServicer"]
