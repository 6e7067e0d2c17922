"""CreateAccessKey of an open account that is a link: who linked it, where that was no user."""

import uuid
from datetime import UTC, datetime

import asyncpg
import pytest
from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2
from tessera.account.v1 import account_pb2
from tessera.account.v1 import account_service_pb2 as pb2

from services.account.actions.links.proven import linked
from services.account.actions.proofs.create_link_ticket import create_link_ticket
from services.account.convert.proofs import read_ticket
from services.account.model import normalise
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.db import Database
from services.runtime.ids import uuid7
from tests.account.whole_users import WholeUsers
from tests.support.token import DOMAIN


@pytest.fixture
async def idp(whole_users: WholeUsers) -> str:
    """A provider that takes links."""
    project = admin_pb2.CreateProjectRequest(name="Cars")
    made = await whole_users.account.admin.CreateProject(project, metadata=whole_users.caller)
    provider = nouns_pb2.Provider(
        project_id=made.project_id,
        idp=f"P-{uuid.uuid4().hex}",
        issuer="https://id.example.com",
        audiences=["cars-app"],
        takes_links=True,
    )
    request = admin_pb2.CreateProviderRequest(provider=provider)
    await whole_users.account.admin.CreateProvider(request, metadata=whole_users.caller)
    return provider.idp


async def accounts_of(whole_users: WholeUsers, idp: str) -> list[account_pb2.OpenAccount]:
    """Accounts of a provider, each as every Action that shows it does."""
    stub, caller = whole_users.account.open_accounts, whole_users.caller
    found: list[account_pb2.OpenAccount] = []
    token = "first"
    while token:
        request = pb2.ListOpenAccountsRequest(length=100, page_token="" if token == "first" else token)
        page = await stub.ListOpenAccounts(request, metadata=caller)
        found += [each for each in page.open_accounts if each.idp == idp]
        token = page.next_page_token
    for each in found:
        by_id = pb2.DescribeOpenAccountRequest(identity_id=each.identity_id)
        assert (await stub.DescribeOpenAccount(by_id, metadata=caller)).open_account == each
        of_person = pb2.ListOpenAccountLinksRequest(identity_id=each.identity_id)
        assert each in (await stub.ListOpenAccountLinks(of_person, metadata=caller)).open_accounts
    return found


async def test_who_linked_is_told_and_stays_so(whole_users: WholeUsers, idp: str) -> None:
    user_id, other = await whole_users.token.user(), await whole_users.token.user()
    await whole_users.link(user_id, f"{idp}:1")
    (account,) = await accounts_of(whole_users, idp)
    assert account.create_access_key == whole_users.app.client_id
    # Linked again by another nothing changes; merged, it goes along.
    now = whole_users.token.clock.now()
    identity = normalise("custom", f"{idp}:1")
    verdict = await whole_users.store.link_identity(
        DOMAIN, identity, user_id, now=now, event_id=uuid7(now), actor="other", create_access_key="other"
    )
    assert verdict == "kept"
    await whole_users.merge(user_id, other)
    assert await accounts_of(whole_users, idp) == [account]


async def test_a_row_tells_who_made_it(whole_users: WholeUsers, idp: str) -> None:
    await whole_users.open_account(await whole_users.token.user(), idp=idp)
    (account,) = await accounts_of(whole_users, idp)
    assert account.create_access_key == whole_users.app.client_id


@pytest.mark.parametrize(("kind", "shown"), [("access_key", "AK1"), ("app", "AK1"), ("service", "AK1"), ("user", None)])
@pytest.mark.parametrize("proven", [False, True])
async def test_whose_link_it_is(
    resources: Resources, database: Database, kind: str, shown: str | None, *, proven: bool
) -> None:
    user_id, identity = uuid.uuid4().hex, normalise("custom", uuid.uuid4().hex)
    caller = Principal(kind, user_id, "bj1", "AK1", frozenset(), session_id="s1")
    proof = None
    if proven:
        ticket = await create_link_ticket(
            resources, domain_id="bj1", user_id=user_id, session_id="s1", identity=identity
        )
        proof = read_ticket(ticket)
    await linked(resources, caller, user_id, identity, proof)
    assert await _made_by(database, identity.key) == shown


async def _made_by(database: Database, key: str) -> str | None:
    query = "select create_access_key from account.link where domain_id = 'bj1' and identity_key = $1"
    found: str | None = await database.fetchval(query, key)
    return found


async def test_the_release_before_links_beside_this_one(account_dsn: str, database: Database) -> None:
    """By the functions that it knows, which know of no access key."""
    now, keys = datetime.now(UTC), [uuid.uuid4().hex for _ in range(2)]
    link = "p_domain_id => 'bj1', p_type => 'custom', p_identity_key => $1, p_identity => $1, p_extra => '',"
    link += " p_user_id => 'u1', p_now => $2, p_event_id => $3, p_actor => 'test'"
    proof = "p_proof_id => $4, p_kind => 'ticket', p_mac => $5, p_max_tries => 5, p_claimed_until => $2"
    connection = await asyncpg.connect(account_dsn)
    query = f"select account.link_identity({link})"
    assert await connection.fetchval(query, keys[0], now, uuid7(now)) == "linked"
    insert = """
    insert into account.proof (domain_id, proof_id, kind, user_id, type, identity_key, mac, expires_at)
    values ('bj1', $1, 'ticket', 'u1', 'custom', $2, $3, $4::timestamptz + interval '1 minute')
    """
    proof_id = uuid7(now)
    await connection.execute(insert, proof_id, keys[1], b"mac", now)
    query = f"select account.link_proven_identity({link}, {proof})"
    assert await connection.fetchval(query, keys[1], now, uuid7(now), proof_id, b"no") == "refused"
    assert await connection.fetchval(query, keys[1], now, uuid7(now), proof_id, b"mac") == "linked"
    await connection.close()
    assert [await _made_by(database, key) for key in keys] == [None, None]
