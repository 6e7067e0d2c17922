"""After a user is erased its ids in the audit log are keyed hashes; an operator who knows the id finds its events."""

from tessera.token.v1 import audit_service_pb2 as pb2
from tessera.token.v1 import audit_service_pb2_grpc as pb2_grpc
from tessera.token.v1 import user_service_pb2

from services.runtime.vault import Vault
from tests.support.token import DOMAIN, Running


async def test_a_user_is_erased_from_the_log(service: Running) -> None:
    vault = Vault(service.settings.master_key.secret)
    user_id, other = await service.user(), await service.user()
    app = await service.web_app()
    await service.redeem(app, await service.code(app, user_id))
    await service.code(app, other)
    pseudonym = vault.pseudonym(DOMAIN, user_id)
    async with service.database() as database:
        # What the user did to another one.
        await database.execute("update token.audit set actor = $1 where user_id = $2", user_id, other)
        request = user_service_pb2.DeleteUserRequest(user_id=user_id)
        await service.users.DeleteUser(request, metadata=await service.operator())
        rows = await database.fetch("select to_jsonb(a)::text line from token.audit a where domain_id = $1", DOMAIN)
    assert not any(user_id in row["line"] for row in rows)
    erased = await service.audit(user_id=pseudonym)
    assert [row["event"] for row in erased] == [
        "user.created",
        "authorization_code.created",
        "authorization_code.issued",
        "user.deleted",
    ]
    assert {row["proof_identity"] for row in erased} == {None}
    assert erased[1]["proof_method"] == "mobile"
    others = await service.audit(user_id=other)
    assert {row["actor"] for row in others} == {pseudonym}
    assert others[1]["proof_identity"] == "13900001234"
    found = await pb2_grpc.AuditServiceStub(service.channel).ListAuditEvents(
        pb2.ListAuditEventsRequest(user_id=user_id), metadata=await service.caller("token.audit")
    )
    assert [event.user_id for event in found.events] == [pseudonym] * 4


def test_a_pseudonym_is_of_one_user_one_domain_and_one_key() -> None:
    vault = Vault(bytes(32))
    mine = vault.pseudonym("bj1", "ann")
    assert mine == Vault(bytes(32)).pseudonym("bj1", "ann")
    assert mine.startswith("erased:")
    others = {
        vault.pseudonym("bj2", "ann"),
        vault.pseudonym("bj1", "bob"),
        vault.pseudonym("bj", "1ann"),
        Vault(bytes(31) + b"\x01").pseudonym("bj1", "ann"),
    }
    assert len(others | {mine}) == 5
