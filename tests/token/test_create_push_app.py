import pytest

from tests.support.calls import refused
from tests.support.token import Running


async def test_ids_are_decimal_and_differ(service: Running) -> None:
    ids = {(await service.push_app()).access_id for _ in range(3)}
    assert len(ids) == 3
    assert all(1_500_000_000 < access_id < 2**53 for access_id in ids)


@pytest.mark.parametrize("tokens", [-1, 1001])
async def test_how_many_tokens_an_account_may_have(service: Running, tokens: int) -> None:
    await refused(service.push_app(tokens_per_account=tokens), "FIELD_INVALID", "tokens_per_account")
