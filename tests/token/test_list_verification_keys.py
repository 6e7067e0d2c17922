from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.keys import read_key
from tests.support.token import DOMAIN, ISSUER, Running


async def test_services_get_what_they_verify_by(service: Running) -> None:
    answer = await service.keys.ListVerificationKeys(token_service_pb2.ListVerificationKeysRequest())
    ours = [key for key in answer.keys if key.domain_id == DOMAIN]
    keys = {key.use: read_key(key) for key in ours}
    access, edge = keys[token_pb2.VerificationKey.USE_ACCESS], keys[token_pb2.VerificationKey.USE_EDGE]
    assert len(ours) == len(keys) == 2
    assert (access.issuer, access.algorithm, access.domain_id) == (ISSUER, "RS256", "bj1")
    assert (edge.issuer, edge.algorithm, edge.domain_id) == ("urn:tessera:edge:bj1", "ES256", "bj1")
