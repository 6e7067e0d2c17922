from tests.support.calls import refused
from tests.support.token import Running


async def test_a_status_is_set_and_written_down(service: Running) -> None:
    user_id = await service.user()
    await service.set_status(user_id, "disabled")
    await service.set_status(user_id, "disabled")
    await service.set_status(user_id, "enabled")
    rows = [row for row in await service.audit(user_id=user_id) if row["event"] == "user.status_set"]
    assert [row["detail"] for row in rows] == ["disabled", "disabled", "enabled"]
    assert {row["actor"] for row in rows} == {service.made["operator"]["client_id"]}


async def test_what_is_not_good(service: Running) -> None:
    await refused(service.set_status("nobody", "enabled"), "NOT_FOUND_USER")
    await refused(service.set_status("nobody", "gone"), "FIELD_INVALID", "status")
    await refused(service.set_status("a b", "enabled"), "FIELD_INVALID", "user_id")
    await refused(service.set_status("", "enabled"), "FIELD_MISSING", "user_id")
