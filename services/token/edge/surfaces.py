"""Which surface, as a route of the gateway names it, takes which schemes. What is not listed is refused."""

from collections.abc import Mapping

from services.token.edge.access_keys import PDS, RPC
from services.token.edge.schemes.acs import Acs
from services.token.edge.schemes.acs3 import Acs3
from services.token.edge.schemes.acs4 import Acs4
from services.token.edge.schemes.basic import Basic
from services.token.edge.schemes.scheme import Scheme
from services.token.edge.schemes.sign import Sign
from services.token.edge.schemes.signature import Signature

SCHEMES: Mapping[str, tuple[Scheme, ...]] = {
    "pds": (Acs(), Acs4(), Acs3(PDS)),
    "rpc": (Signature(), Acs3(RPC)),
    "tpns": (Basic(), Sign()),
}
