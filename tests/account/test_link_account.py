"""LinkAccount, with the real token service."""

import asyncio
import json
import random
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from tessera.account.v1 import account_service_pb2
from tessera.token.v1 import token_pb2

from services.account.model import TYPES
from services.runtime.auth import ROLES
from services.runtime.db import Database, connected
from tests.account.with_token import MAY_LINK, Services, account_of, unused, unused_mobile
from tests.support.callers import superadmin
from tests.support.calls import bearer, refusal_in, refused
from tests.support.samples import TOKEN, same_shape
from tests.support.token import Founded, serving
from tests.support.token_client import content

# What an admin may.
ADMINS = tuple(sorted(permission for permission in ROLES["admin"] if not permission.endswith(".own")))
SAMPLES = {
    "mobile": "13900001234",
    "email": "ann@corp.com",
    "ding": "eyy***",
    "ram": "ann@1234567890.onaliyun.com",
    "wechat": "AnnSmith",
    "ldap": "uid=ann,ou=people",
    "custom": "12345",
}


def claims_of(token: token_pb2.Token) -> dict[str, object]:
    """What an access token says."""
    claims = content(token.access_token)
    return claims | json.loads(claims["customJson"])


async def test_the_token_of_the_vendors_sample_key_by_key(services: Services) -> None:
    user_id = await services.token.user(user_name="ann", nick_name="Ann", default_drive_id="1")
    token = await services.link(user_id, unused())
    shown = MessageToDict(token, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    same_shape(shown, TOKEN)
    assert set(shown) - set(TOKEN) <= {"scope"}
    facts = (token.user_id, token.user_name, token.default_drive_id, token.role, token.domain_id, token.token_type)
    assert facts == (user_id, "ann", "1", "user", "bj1", "Bearer")


@pytest.mark.parametrize("type_", TYPES)
async def test_each_type(services: Services, type_: str) -> None:
    user_id = await services.token.user()
    token = await services.link(user_id, SAMPLES[type_], type_)
    request = account_service_pb2.GetLinkInfoRequest(type=type_, identity=SAMPLES[type_])
    # With the token that was just given: its user sees its own.
    link = await services.account.links.GetLinkInfo(request, metadata=bearer(token.access_token))
    assert (link.user_id, link.authentication_type, link.identity) == (user_id, type_, SAMPLES[type_])
    assert abs(link.created_at / 1000 - time.time()) < 60


async def test_linking_again_changes_no_link_and_answers_a_new_token(services: Services) -> None:
    user_id, identity = await services.token.user(), unused()
    first = await services.link(user_id, identity)
    request = account_service_pb2.GetLinkInfoRequest(type="custom", identity=identity)
    before = await services.account.links.GetLinkInfo(request, metadata=services.caller)
    second = await services.link(user_id, f" {identity} ")
    assert await services.account.links.GetLinkInfo(request, metadata=services.caller) == before
    assert first.refresh_token != second.refresh_token
    assert first.access_token != second.access_token


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "disabled"}, "LINK_USER_REFUSED"),
        ({"role": "superadmin"}, "LINK_USER_REFUSED"),
        (None, "NOT_FOUND_LINK_USER"),
    ],
)
async def test_linking_again_gets_nothing_for_who_would_not_be_linked_now(
    services: Services, change: dict[str, str] | None, reason: str
) -> None:
    """Of a link that is there, token alone judges the user: at once, and as it would before a first link."""
    user_id, identity = await services.token.user(), unused()
    await services.link(user_id, identity)
    if change is None:
        await services.token.delete_user(user_id)
    elif "role" in change:
        # Its domain lets superadmins be impersonated; LinkAccount does not.
        await services.token.set_domain("impersonate_superadmins", True)
        async with services.token.database() as database:
            await database.execute("update token.app_user set role = 'superadmin' where user_id = $1", user_id)
    else:
        await services.token.update_user(user_id, **change)
    try:
        refusal = await refused(services.link(user_id, identity))
    finally:
        if change and "role" in change:
            await services.token.set_domain("impersonate_superadmins", False)
    assert refusal.reason == reason
    async with services.token.database() as database:
        sessions = "select count(*) from token.session where user_id = $1"
        assert await database.fetchval(sessions, user_id) <= 1


async def test_linking_again_writes_nothing(services: Services, account_dsn: str) -> None:
    user_id, identity = await services.token.user(), unused()
    await services.link(user_id, identity)
    version = "select xmin::text from account.link where user_id = $1"
    async with connected(account_dsn) as connection:
        before = await connection.fetchval(version, user_id)
        await services.link(user_id, identity)
        assert await connection.fetchval(version, user_id) == before


async def test_an_identity_of_another_user_is_taken_and_nothing_is_told_about_that_user(services: Services) -> None:
    owner, other, identity = await services.token.user(), await services.token.user(), unused()
    await services.link(owner, identity)
    refusal = await refused(services.link(other, identity))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDENTITY_TAKEN")
    assert owner not in refusal.message
    assert await services.links_of(owner) == [identity]
    assert await services.links_of(other) == []


async def test_an_unknown_user(services: Services) -> None:
    refusal = await refused(services.link("nobody", unused()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND_LINK_USER")
    assert await services.links_of("nobody") == []


async def test_a_disabled_user(services: Services) -> None:
    user_id = await services.token.user()
    await services.token.set_status(user_id, "disabled")
    refusal = await refused(services.link(user_id, unused()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "LINK_USER_REFUSED")
    assert await services.links_of(user_id) == []
    await services.token.set_status(user_id, "enabled")
    assert (await services.link(user_id, unused())).status == "enabled"


async def test_a_superadmin_is_never_impersonated(services: Services) -> None:
    owner = services.token.made["user_id"]
    refusal = await refused(services.link(owner, unused()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "LINK_USER_REFUSED")
    assert await services.links_of(owner) == []


@pytest.mark.parametrize("permissions", [("account.link",), ("token.impersonate",), ("account.describe",)])
async def test_a_caller_who_lacks_a_permission(services: Services, permissions: tuple[str, ...]) -> None:
    user_id = await services.token.user()
    caller = await services.token.caller(*permissions)
    refusal = await refused(services.link(user_id, unused(), caller=caller))
    assert refusal.reason == "PERMISSION_DENIED"
    assert await services.links_of(user_id) == []


async def test_an_admins_scopes_and_name_stand_in_what_it_gets(services: Services) -> None:
    admin, user_id = await services.token.user(role="admin"), await services.token.user()
    app = await services.token.jwt_app(scopes=["ACCOUNT.ALL"])
    by_admin = bearer((await services.token.by_assertion(app, admin)).access_token)
    token = await services.link(user_id, unused(), caller=by_admin)
    claims = claims_of(token)
    assert (token.role, claims["act"]) == ("user", {"sub": admin})
    assert set(token.scope.split()) <= {"ACCOUNT.ALL"}


async def test_an_app_gets_no_more_than_it_may_itself(services: Services) -> None:
    admin, identity = await services.token.user(role="admin"), unused()
    all_of_it = await services.token.caller(*ADMINS)
    assert (await services.link(admin, identity, caller=all_of_it)).role == "admin"
    # What it is there for already it may ask for again, as less than an admin.
    assert (await services.link(admin, identity)).role == "user"


async def test_who_does_not_reach_an_admin_gives_it_no_identity(services: Services) -> None:
    """An identity is a way to log on: a key that may link would be an administrator by it."""
    admin = await services.token.user(role="admin")
    for lacking in set(ADMINS) - set(MAY_LINK):
        caller = await services.token.caller(*(set(ADMINS) - {lacking}))
        await refused(services.link(admin, unused(), caller=caller), "LINK_USER_REFUSED")
    assert await services.links_of(admin) == []


async def test_an_admins_token_that_a_key_got_gives_the_admin_no_identity(services: Services) -> None:
    """Nor with a code that went to the key's own number."""
    admin, identity, number = await services.token.user(role="admin"), unused(), unused_mobile()
    await services.link(admin, identity, caller=await services.token.caller(*ADMINS))
    key = await services.token.caller(*MAY_LINK, scopes=("ACCOUNT.ALL",))
    got = bearer((await services.link(admin, identity, caller=key)).access_token)
    sent = await services.send(got, phone_number=number)
    await refused(services.link(admin, number, "mobile", got, **sent.proof), "LINK_USER_REFUSED")
    assert await services.links_of(admin) == [identity]


@pytest.mark.parametrize("role", ["admin", "superadmin"])
async def test_who_is_an_admin_gives_an_admin_an_identity(services: Services, role: str) -> None:
    admin = await services.token.user(role="admin")
    if role == "admin":
        caller = await services.logged_on(await services.token.user(role="admin"))
    else:
        caller = await superadmin(services.token)
    assert (await services.link(admin, unused(), caller=caller)).user_id == admin
    own = unused()
    assert (await services.link(admin, own, caller=await services.logged_on(admin))).role == "admin"


async def test_who_acts_in_the_end_is_named_through_any_number_of_steps(services: Services) -> None:
    admin, user_id = await services.token.user(role="admin"), await services.token.user()
    app = await services.token.caller(*ADMINS, scopes=("ACCOUNT.ALL",))
    first = await services.link(admin, unused(), caller=app)
    actor = claims_of(first)["act"]
    for linked_to in (admin, user_id):
        token = await services.link(linked_to, unused(), caller=bearer(first.access_token))
        assert claims_of(token)["act"] == actor


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("user_id", "", "FIELD_MISSING"),
        ("type", "", "FIELD_MISSING"),
        ("identity", "", "FIELD_MISSING"),
        ("type", "fax", "FIELD_INVALID"),
        ("identity", "a\tb", "FIELD_INVALID"),
        ("identity", "a\u2028b", "FIELD_INVALID"),
        ("user_id", "a\x00b", "FIELD_INVALID"),
        ("user_id", "a b", "FIELD_INVALID"),
        ("user_id", "ü", "FIELD_INVALID"),
        ("user_id", "x" * 65, "FIELD_INVALID"),
    ],
)
async def test_no_link(services: Services, field: str, value: str, reason: str) -> None:
    values = {"user_id": await services.token.user(), "type": "custom", "identity": unused()}
    request = account_service_pb2.LinkAccountRequest(**(values | {field: value}))
    refusal = await refused(services.account.links.LinkAccount(request, metadata=services.caller))
    assert (refusal.reason, refusal.field) == (reason, field)


async def test_200_links_of_one_identity_by_50_users_leave_one_owner(services: Services) -> None:
    users = await asyncio.gather(*(services.token.user() for _ in range(50)))
    identity = unused()
    targets = users * 4
    random.shuffle(targets)
    # As many under way as a busy machine answers within account's patience with token. (All 200 at once: test_store.)
    under_way = asyncio.Semaphore(80)

    async def attempt(user_id: str) -> str:
        try:
            async with under_way:
                token = await services.link(user_id, identity)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
                return await attempt(user_id)  # a busy machine sheds some, which have done nothing
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            return ""
        assert token.user_id == user_id
        return user_id

    winners = [user_id for user_id in await asyncio.gather(*map(attempt, targets)) if user_id]
    request = account_service_pb2.GetLinkInfoRequest(type="custom", identity=identity)
    owner = (await services.account.links.GetLinkInfo(request, metadata=services.caller)).user_id
    assert winners == [owner] * 4
    # Nor did token begin a session for anybody else: those who lost have nothing, and nothing of theirs is left.
    begun = await asyncio.gather(*map(services.sessions, users))
    assert dict(zip(users, begun, strict=True)) == dict.fromkeys(users, 0) | {owner: 4}


async def test_a_user_has_at_most_1000_identities(services: Services, database: Database) -> None:
    user_id, other, identity = await services.token.user(), await services.token.user(), unused()
    await services.link(user_id, identity)
    await database.execute(
        """
        insert into account.link (domain_id, type, identity_key, identity, extra, user_id, created_at)
        select 'bj1', 'ldap', $1 || n, $1 || n, '', $1, now() from generate_series(1, 999) as n
        """,
        user_id,
    )
    more = unused()
    refusal = await refused(services.link(user_id, more), "LINK_QUOTA_EXCEEDED")
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await services.sessions(user_id) == 1
    # What is there is there, and what is somebody else's is that first.
    await services.link(user_id, identity)
    taken = unused()
    await services.link(other, taken)
    await refused(services.link(user_id, taken), "IDENTITY_TAKEN")
    await database.execute(
        "delete from account.link where domain_id = 'bj1' and type = 'ldap' and identity_key = $1", f"{user_id}7"
    )
    await services.link(user_id, more)


async def test_a_spoof_of_the_callers_domain_reaches_nothing(services: Services) -> None:
    """The domain is the credential's: there is no field to name another one, and metadata does not."""
    user_id, identity = await services.token.user(), unused()
    caller = [*services.caller, ("domain_id", "other"), ("host", "other.example.com")]
    assert (await services.link(user_id, identity, caller=caller)).domain_id == "bj1"


async def test_token_goes_and_comes_back(founded: Founded, account_dsn: str, tmp_path: Path) -> None:
    """Account starts first; then token comes, goes and comes back: each time account goes on by itself."""
    settings, made = founded.copied(tmp_path), founded.made
    async with account_of(settings, made, account_dsn, tmp_path / "account") as account:
        async with serving(settings, made) as token:
            services = Services(account, token, await token.caller(*MAY_LINK), await token.jwt_app())
            user_id, identity = await token.user(), unused()
            await until_linked(services, user_id, identity)
        late = unused()
        async with asyncio.timeout(15):
            refusal = await refused(services.link(user_id, late), "UNAVAILABLE")
        assert "token service" in refusal.message
        assert await services.links_of(user_id) == [identity]
        async with serving(settings, made):
            await until_linked(services, user_id, late)
            assert await services.links_of(user_id) == [identity, late]


async def until_linked(services: Services, user_id: str, identity: str) -> None:
    """Repeat the call while token is found again."""
    async with asyncio.timeout(30):
        while True:
            try:
                assert (await services.link(user_id, identity)).user_id == user_id
            except grpc.aio.AioRpcError as error:
                assert refusal_in(error).reason == "UNAVAILABLE"  # noqa: PT017 tried again
                await asyncio.sleep(0.1)
            else:
                return
