"""What is refused to whom is known stands in the audit log, with the rule; a stranger makes no rows."""

from typing import Any

import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_pb2, token_service_pb2

from services.token.actions.phases.clients import FAILED
from tests.support.calls import bearer, refused
from tests.support.token import CLIENT_ASSERTION, DOMAIN, ISSUER, JWT_BEARER, Running
from tests.support.token_client import App, new_p256


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


@pytest.fixture
async def signer(service: Running) -> App:
    return await service.jwt_app()


async def refusals(service: Running, app: App) -> list[tuple[str, str]]:
    """Events of an app that are no success, with the rule."""
    rows = await service.audit(client_id=app.client_id)
    return [(row["event"], row["detail"]) for row in rows if row["event"].endswith(("refused", "withheld"))]


async def test_a_scope_that_the_app_does_not_have(service: Running, app: App) -> None:
    for scope in ("OAUTH.ALL", "push:1500000000", "push:1500000000 FILE.ALL"):
        await refused(service.by_secret(app, scope=scope), "INVALID_SCOPE")
    assert await refusals(service, app) == [("client_credentials.refused", "scope")] * 3


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"aud": "bj2"}, "aud"),
        ({"exp": 1}, "exp"),
        ({"jti": ""}, "jti"),
        ({"iss": "other"}, "iss"),
        ({"sub": ""}, "sub"),
        ({"sub": "\0"}, "sub"),
        ({"sub_type": "domain"}, "sub_type"),
        ({"auto_create": 1}, "auto_create"),
        ({"sub": "nobody"}, "no_user"),
    ],
    ids=str,
)
async def test_what_an_apps_key_signed(service: Running, signer: App, changed: dict[str, Any], rule: str) -> None:
    await refused(service.by_assertion(signer, await service.user(), **changed), "INVALID_GRANT")
    assert await refusals(service, signer) == [("jwt_bearer.refused", rule)]


async def test_a_call_that_permissions_do_not_reach(service: Running, app: App) -> None:
    user_id = await service.user()
    token = await service.redeem(app, await service.code(app, user_id))
    request = admin_pb2.ListAppsRequest()
    await refused(service.admin.ListApps(request, metadata=bearer(token.access_token)), "PERMISSION_DENIED")
    (row,) = [row for row in await service.audit(user_id=user_id) if row["event"] == "access.refused"]
    assert (row["client_id"], row["actor"], row["detail"]) == (app.client_id, user_id, "ListApps")
    # A stranger makes no row.
    before = await service.audit(event="access.refused")
    await refused(service.admin.ListApps(request, metadata=bearer(token.access_token + "x")), "UNAUTHENTICATED")
    assert await service.audit(event="access.refused") == before


async def test_another_domains_refresh_token_makes_no_row(own: Running) -> None:
    app, neighbour = await own.native_app(), await own.tenant("neighbour")
    theirs = await neighbour.jwt_app()
    claims = own.claims(theirs.client_id, sub=await neighbour.user(), sub_type="user", aud="neighbour")
    presented = await neighbour.token(JWT_BEARER, client_id=theirs.client_id, assertion=theirs.sign(claims))
    await refused(own.refresh(app, presented.refresh_token), "INVALID_REFRESH_TOKEN")
    assert await refusals(own, app) == []
    # A client that proved itself makes one, as by anything else.
    web = await own.web_app()
    await refused(own.refresh(web, presented.refresh_token), "INVALID_REFRESH_TOKEN")
    assert await refusals(own, web) == [("refresh_token.refused", "domain")]


async def test_an_assertion_for_more_scopes_or_of_another_type(service: Running, signer: App) -> None:
    claims = service.claims(signer.client_id, sub=await service.user(), sub_type="user")
    assertion = signer.sign(claims)
    asked = {"client_id": signer.client_id, "assertion": assertion}
    await refused(service.token(JWT_BEARER, scope="OAUTH.ALL", **asked), "INVALID_SCOPE")
    other = signer.sign(claims, headers={"typ": "at+jwt"})
    await refused(service.token(JWT_BEARER, client_id=signer.client_id, assertion=other), "INVALID_GRANT")
    assert await refusals(service, signer) == [("jwt_bearer.refused", "scope"), ("jwt_bearer.refused", "typ")]
    # Nothing was used up.
    await service.token(JWT_BEARER, **asked)


async def test_the_domains_own_assertion_twice(service: Running, signer: App) -> None:
    assertion = signer.sign(service.claims(signer.client_id, sub=DOMAIN, sub_type="service"))
    await service.token(JWT_BEARER, client_id=signer.client_id, assertion=assertion)
    await refused(service.token(JWT_BEARER, client_id=signer.client_id, assertion=assertion), "INVALID_GRANT")
    rows = await service.audit(client_id=signer.client_id)
    assert [(row["event"], row["detail"]) for row in rows[2:]] == [
        ("jwt_bearer.issued", None),
        ("jwt_bearer.refused", "replay"),
    ]


async def test_a_user_whom_an_assertion_makes(service: Running, signer: App) -> None:
    for _ in range(2):
        await service.by_assertion(signer, f"made-by-{signer.client_id}", auto_create=True)
    rows = await service.audit(user_id=f"made-by-{signer.client_id}")
    assert sorted((row["event"], row["detail"] or "") for row in rows) == [
        ("jwt_bearer.issued", ""),
        ("jwt_bearer.issued", ""),
        ("user.created", "auto_create"),
    ]
    assert {row["actor"] for row in rows if row["event"] == "user.created"} == {signer.client_id}


async def test_a_clients_own_assertion(service: Running) -> None:
    app = await service.app(admin_pb2.APP_TYPE_SERVICE, key=new_p256())

    def asked(**changed: Any) -> dict[str, str]:
        claims = service.claims(app.client_id, sub=app.client_id, aud=ISSUER) | changed
        return {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": app.sign(claims, "ES256")}

    await refused(service.token("client_credentials", **asked(aud="https://other")), "INVALID_CLIENT")
    good = asked()
    await service.token("client_credentials", **good)
    await refused(service.token("client_credentials", **good), "INVALID_CLIENT")
    assert await refusals(service, app) == [
        ("client_assertion.refused", "aud"),
        ("client_assertion.refused", "replay"),
    ]


async def test_codes_and_refresh_tokens_that_are_none(service: Running, app: App) -> None:
    for code in ("x", "A" * 64):
        await refused(service.redeem(app, code), "INVALID_GRANT")
    await refused(service.refresh(app, "x"), "INVALID_REFRESH_TOKEN")
    assert await refusals(service, app) == [
        ("authorization_code.refused", "unknown"),
        ("authorization_code.refused", "unknown"),
        ("refresh_token.refused", "unknown"),
    ]


async def test_a_proven_user_who_gets_no_code(service: Running, app: App) -> None:
    user_id = await service.user()
    await refused(service.code(app, user_id, redirect_uri="https://evil.example.com/"), "INVALID_REQUEST")
    await refused(service.code(app, user_id, scope="OAUTH.ALL"), "INVALID_SCOPE")
    await refused(service.code(app, "nobody"), "NOT_FOUND_USER")
    await service.set_status(user_id, "disabled")
    await refused(service.code(app, user_id), "USER_DISABLED")
    await refused(service.code(App("unknown"), user_id), "UNAUTHORIZED_CLIENT")
    await refused(service.code(app, user_id, domain_id="nowhere"), "UNAUTHORIZED_CLIENT")
    rules = ["request", "scope", "no_user", "disabled"]
    assert await refusals(service, app) == [("authorization_code.withheld", rule) for rule in rules]
    rows = await service.audit(user_id=user_id)
    assert (rows[-1]["event"], rows[-1]["client_id"], rows[-1]["detail"]) == (
        "authorization_code.withheld",
        None,
        "client",
    )


async def test_a_proven_user_who_gets_no_token(service: Running) -> None:
    user_id = await service.user()
    app = await service.web_app(admit=False)
    request = token_service_pb2.IssueTokenRequest(
        domain_id=DOMAIN, user_id=user_id, client_id=app.client_id, proof=token_pb2.Proof(method="mobile", identity="1")
    )
    await refused(service.mint.IssueToken(request, metadata=await service.minter()), "UNAUTHORIZED_CLIENT")
    (_, row) = await service.audit(user_id=user_id)
    assert (row["event"], row["detail"]) == ("issue_token.refused", "client")


async def test_a_stranger_makes_no_rows(service: Running, app: App, signer: App) -> None:
    """It is counted instead."""
    native = await service.native_app()
    claims = service.claims(signer.client_id, sub=await service.user(), sub_type="user")
    before = await count(service)
    failed = {why: FAILED.labels(why)._value.get() for why in ("secret", "unknown", "assertion")}
    forged = App(signer.client_id, key=new_p256())
    await refused(service.by_secret(App(app.client_id, "wrong")), "INVALID_CLIENT")
    await refused(service.by_secret(App("unknown", "wrong")), "INVALID_CLIENT")
    await refused(
        service.token(JWT_BEARER, client_id=signer.client_id, assertion=forged.sign(claims, "ES256")), "INVALID_GRANT"
    )
    await refused(service.token(JWT_BEARER, client_id=signer.client_id, assertion="x"), "INVALID_GRANT")
    await refused(
        service.token(
            "client_credentials",
            client_assertion_type=CLIENT_ASSERTION,
            client_assertion=forged.sign(service.claims(signer.client_id, sub=signer.client_id), "ES256"),
        ),
        "INVALID_CLIENT",
    )
    await refused(service.redeem(native, "A" * 64, code_verifier="v" * 43), "INVALID_GRANT")
    await refused(service.refresh(native, "x"), "INVALID_REFRESH_TOKEN")
    await refused(service.by_secret(native), "UNAUTHORIZED_CLIENT")
    assert await count(service) == before
    for why, was in failed.items():
        assert FAILED.labels(why)._value.get() > was


async def count(service: Running) -> int:
    async with service.database() as database:
        return int(await database.fetchval("select count(*) from token.audit"))


async def test_no_token_and_no_secret_stands_in_the_log(
    service: Running, app: App, capfd: pytest.CaptureFixture[str]
) -> None:
    """Wherever a client puts one: what was sent is not written down, neither there nor in the process's log."""
    user_id = await service.user()
    code = await service.code(app, user_id)
    answer = await service.redeem(app, code)
    secrets = [app.secret, code, answer.refresh_token]
    for secret in secrets:
        short = secret[:100]
        await refused(service.by_secret(app, scope=short), "INVALID_SCOPE")
        await refused(service.refresh(app, answer.refresh_token, scope=short), "INVALID_SCOPE")
    for secret in secrets:
        short = secret[:100]
        await refused(service.redeem(app, secret), "INVALID_GRANT")
        await refused(service.redeem(app, code, redirect_uri=f"https://{short}"), "INVALID_GRANT")
        await refused(service.token(short, client_id=app.client_id), "UNSUPPORTED_GRANT_TYPE")
    await service.refresh(app, (await service.redeem(app, await service.code(app, user_id))).refresh_token)
    async with service.database() as database:
        rows = await database.fetch("select to_jsonb(a)::text line from token.audit a where domain_id = $1", DOMAIN)
    assertable = [secret[:40] for secret in secrets]
    lines = [row["line"] for row in rows if app.client_id in row["line"]]
    assert len(lines) > 15
    for line in (*lines, *capfd.readouterr().out.splitlines()):
        assert not any(secret in line for secret in assertable), line
