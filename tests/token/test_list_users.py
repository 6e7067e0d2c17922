import asyncio

from tessera.token.v1.user_service_pb2 import ListUsersRequest

from tests.support.calls import Metadata, refused
from tests.support.token import Running


async def _pages(service: Running, caller: Metadata, limit: int) -> list[list[str]]:
    pages, marker = [], ""
    while True:
        answer = await service.users.ListUsers(ListUsersRequest(limit=limit, marker=marker), metadata=caller)
        pages.append([user.user_id for user in answer.items])
        marker = answer.next_marker
        if not marker:
            return pages


async def test_pages_go_through_everybody_by_id_once(own: Running) -> None:
    caller = await own.caller("token.user.read")
    expected = sorted([own.made["user_id"], *[await own.user(user_id=f"u{number:03}") for number in range(9)]])
    for limit, sizes in ((1, [1] * 10), (3, [3, 3, 3, 1]), (5, [5, 5]), (10, [10]), (0, [10]), (1000, [10])):
        pages = await _pages(own, caller, limit)
        assert [len(page) for page in pages] == sizes
        assert [user_id for page in pages for user_id in page] == expected


async def test_a_page_has_a_hundred_at_the_most(own: Running) -> None:
    await asyncio.gather(*(own.user() for _ in range(101)))
    for limit in (0, 100, 101):
        pages = await _pages(own, await own.operator(), limit)
        assert [len(page) for page in pages] == [100, 2]


async def test_what_is_there_all_the_time_is_listed_once_while_others_come_and_go(own: Running) -> None:
    caller = await own.operator()
    stay = {await own.user(user_id=f"stay{number:02}") for number in range(20)}
    done = asyncio.Event()

    async def come_and_go(name: str) -> None:
        number = 0
        while not done.is_set():
            user_id = await own.user(user_id=f"stay{number % 20:02}.{name}{number}")
            await own.delete_user(user_id)
            number += 1

    others = [asyncio.create_task(come_and_go(name)) for name in "ab"]
    try:
        for _ in range(5):
            listed = [user_id for page in await _pages(own, caller, 3) for user_id in page]
            assert len(listed) == len(set(listed))
            assert stay <= set(listed)
    finally:
        done.set()
        await asyncio.gather(*others)


async def test_what_is_no_page(service: Running) -> None:
    caller = await service.operator()
    await service.user()
    answer = await service.users.ListUsers(ListUsersRequest(limit=1), metadata=caller)
    for marker in ("x", answer.next_marker[4:], answer.next_marker + "A" * 2000, "é"):
        call = service.users.ListUsers(ListUsersRequest(marker=marker), metadata=caller)
        await refused(call, "FIELD_INVALID", "marker")
    await refused(service.users.ListUsers(ListUsersRequest(limit=-1), metadata=caller), "FIELD_INVALID", "limit")
    other = await service.caller("token.user.write")
    await refused(service.users.ListUsers(ListUsersRequest(), metadata=other), "PERMISSION_DENIED")
