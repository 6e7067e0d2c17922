"""No step of a logon takes longer, or less long, because somebody is known: many times of each, by turns, compared.

Compared by ranks (Mann and Whitney): of one known and one unknown, how likely the known one takes longer. By chance it
is one half, and as far from that as the bound once in some ten thousand runs. What was found is printed: `-s`.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.account.connectors.ldap import Ldap
from services.account.errors import LogonRefused
from services.account.model import normalise
from services.account.model.domain_settings import FirstLogon
from services.account.providers.names import Names
from services.account.senders import Message
from tests.account.linking import linked
from tests.account.pages.browsers import Browser, Page
from tests.account.pages.sitting import Sitting
from tests.account.with_token import unused, unused_mobile
from tests.support import slapd
from tests.support.slapd import look_up, person, running_slapd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TIMES = 300
# Of so many of each kind, the standard deviation by chance is 0.024.
BOUND = 0.1

Steps = Callable[[bool], Awaitable[dict[str, float]]]
"""Takes the steps of a logon with somebody known or unknown; how many seconds each took."""


async def differences(take: Steps) -> dict[str, float]:
    """For each step, how far from one half it is how likely the known one takes longer."""
    taken: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for _ in range(TIMES):
        for known in random.sample((True, False), 2):
            taken[known].append(await take(known))
    found = {}
    for step in taken[True][0]:
        times = {known: [each[step] for each in taken[known]] for known in taken}
        longer = sum((one > other) + (one == other) / 2 for one in times[True] for other in times[False])
        found[step] = longer / TIMES**2 - 0.5
        middle = {known: 1000 * sorted(each)[TIMES // 2] for known, each in times.items()}
        print(f"{step}: {found[step] + 0.5:.3f}; known {middle[True]:.2f} ms, unknown {middle[False]:.2f} ms")
    return found


class Strangers:
    """Numbers, each used once: the known ones have been linked."""

    def __init__(self, sitting: Sitting) -> None:
        self._sitting = sitting
        self.known: set[str] = set()

    async def number(self, *, known: bool) -> str:
        mobile = unused_mobile()
        if known:
            identity, clock = normalise("mobile", mobile), self._sitting.resources.clock
            await linked(self._sitting.resources.store, self._sitting.domain_id, identity, unused(), clock.now())
            self.known.add(identity.key)
        return mobile


async def timed(browser: Browser, page: Page, **fields: str) -> tuple[Page, float]:
    """Send a form of a page; the answer, and how many seconds it took."""
    began = time.perf_counter()
    answer = await browser.post(page.target, {"csrf": page.csrf} | fields)
    return answer, time.perf_counter() - began


async def send_and_try(sitting: Sitting, browser: Browser, page: Page, mobile: str) -> dict[str, float]:
    """Have a code sent to a number, and try a wrong one."""
    form = await browser.get(f"/logon/{sitting.flow_id(page)}/{sitting.ways['mobile']}")
    sent, send_seconds = await timed(browser, form, address=mobile, country_code="86")
    right = sitting.inbox.code(f"+86{mobile}")
    code_page = await browser.follow(sent)
    wrong, try_seconds = await timed(browser, code_page, code=f"{(int(right) + 1) % 1_000_000:06d}")
    assert (sent.status, wrong.status) == (303, 400)
    return {"send a code": send_seconds, "try a code": try_seconds}


def by_number(sitting: Sitting, strangers: Strangers) -> Steps:
    async def take(known: bool) -> dict[str, float]:
        browser, mobile = sitting.browser(), await strangers.number(known=known)
        return await send_and_try(sitting, browser, await sitting.begin(browser), mobile)

    return take


async def test_a_number(own_sitting: Sitting) -> None:
    await own_sitting.set(codes_per_hour=100_000)
    found = await differences(by_number(own_sitting, Strangers(own_sitting)))
    assert not {step: each for step, each in found.items() if abs(each) > BOUND}


async def test_a_number_that_somebody_new_says_to_have(own_sitting: Sitting) -> None:
    sitting = own_sitting
    await sitting.set(codes_per_hour=100_000, first_logon=FirstLogon.LINK_OR_CREATE)
    strangers = Strangers(sitting)

    async def take(known: bool) -> dict[str, float]:
        browser, mobile = sitting.browser(), await strangers.number(known=known)
        state, kept = await sitting.leave(browser, await sitting.begin(browser), "one")
        code = sitting.elsewhere.give("https://one.example.com", unused(), kept.verifier)
        new = await browser.follow(await sitting.come_back(browser, "one", state=state, code=code))
        ways = await browser.fill(new, answer="link")
        return await send_and_try(sitting, browser, ways, mobile)

    found = await differences(take)
    assert not {step: each for step, each in found.items() if abs(each) > BOUND}


async def test_what_is_put_in_is_found(own_sitting: Sitting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A millisecond, as one more statement takes."""
    await own_sitting.set(codes_per_hour=100_000)
    strangers, send = Strangers(own_sitting), own_sitting.inbox.send

    async def send_slowly(message: Message) -> None:
        if message.address in strangers.known:
            await asyncio.sleep(0.001)
        await send(message)

    monkeypatch.setattr(own_sitting.inbox, "send", send_slowly)
    found = await differences(by_number(own_sitting, strangers))
    assert found["send a code"] > BOUND > abs(found["try a code"])


@pytest.mark.skipif(slapd.find() is None, reason="slapd (a system's package) is missing")
@pytest.mark.parametrize("kept", [str, slapd.slowly_hashed], ids=["plain", "hashed"])
async def test_a_name_in_a_directory(tmp_path: Path, kept: Callable[[str], str]) -> None:
    people = [person(f"n{number}", userPassword=kept("right")) for number in range(20)]
    names = Names(look_up)
    ldap = Ldap(names)
    async with running_slapd(tmp_path, people) as directory:
        system = directory.system()

        async def take(known: bool) -> dict[str, float]:
            name = f"n{random.randrange(20) if known else random.randrange(20, 40)}"
            began = time.perf_counter()
            with pytest.raises(LogonRefused):
                await ldap.prove(system, name, "wrong")
            return {"try a password": time.perf_counter() - began}

        # Whoever is the first to be looked at shows how long that takes.
        for _ in range(8):
            await take(known=True)
        found = await differences(take)
    await ldap.close()
    names.close()
    assert abs(found["try a password"]) < BOUND
