import pytest
from tessera.token.v1 import token_pb2, token_service_pb2

from tests.support.calls import bearer, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App, content

PROOF = token_pb2.Proof(method="link", identity="13900001234")


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


async def _issued(service: Running, app: App) -> token_pb2.Token:
    request = token_service_pb2.IssueTokenRequest(
        domain_id=DOMAIN, user_id=await service.user(), client_id=app.client_id, proof=PROOF
    )
    return await service.mint.IssueToken(request, metadata=await service.minter())


async def _discard(service: Running, app: App, **changed: str) -> None:
    fields = {"domain_id": DOMAIN, "client_id": app.client_id, "refresh_token": "x"} | changed
    request = token_service_pb2.DiscardTokenRequest(**fields)
    await service.mint.DiscardToken(request, metadata=await service.minter())


async def test_a_session_is_over_with_its_access_token(service: Running, app: App) -> None:
    token, other = await _issued(service, app), await _issued(service, app)
    for _ in range(2):
        await _discard(service, app, refresh_token=token.refresh_token)
    await refused(service.refresh(app, token.refresh_token), "INVALID_REFRESH_TOKEN")
    session_id = content(token.access_token)["sid"]
    assert [row["kind"] for row in await service.revocations(session_id)] == ["session"]
    events = {row["event"] for row in await service.audit(user_id=token.user_id)}
    assert events >= {"issue_token.issued", "session.revoked"}
    assert await service.refresh(app, other.refresh_token)


async def test_what_is_none_of_this_client_ends_nothing(service: Running, app: App) -> None:
    token, stranger = await _issued(service, app), await service.web_app()
    await _discard(service, stranger, refresh_token=token.refresh_token)
    await _discard(service, app, refresh_token=token.refresh_token, domain_id="elsewhere")
    await _discard(service, app, refresh_token=token.access_token)
    await _discard(service, app, refresh_token=token.refresh_token[:-1])
    assert await service.refresh(app, token.refresh_token)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"domain_id": ""}, "FIELD_MISSING"),
        ({"client_id": ""}, "FIELD_MISSING"),
        ({"client_id": "a\0"}, "FIELD_INVALID"),
        ({"refresh_token": ""}, "FIELD_MISSING"),
    ],
)
async def test_no_session_is_named(service: Running, app: App, changed: dict[str, str], reason: str) -> None:
    await refused(_discard(service, app, **changed), reason, *changed)


async def test_who_may_not(service: Running, app: App) -> None:
    token = await _issued(service, app)
    request = token_service_pb2.DiscardTokenRequest(
        domain_id=DOMAIN, client_id=app.client_id, refresh_token=token.refresh_token
    )
    caller = bearer((await service.by_secret(app)).access_token)
    await refused(service.mint.DiscardToken(request, metadata=caller), "PERMISSION_DENIED")
    await refused(service.mint.DiscardToken(request), "UNAUTHENTICATED")
