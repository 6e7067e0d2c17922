import pytest

from services.runtime.env import SettingsError, load
from services.runtime.vault import MasterKey
from services.token.config import TokenSettings

GOOD = {
    "TESSERA_LISTEN": "127.0.0.1:1",
    "TESSERA_DSN": "postgresql://none",
    "TESSERA_STATE_DIR": "/nonexistent",
    "TESSERA_MASTER_KEY": "A" * 43 + "=",
}


def test_defaults() -> None:
    settings = load(TokenSettings, GOOD)
    assert settings.master_key.secret == bytes(32)
    assert settings.access_token_lifetime.total_seconds() == 7200
    assert (settings.session_idle.days, settings.session_lifetime.days) == (30, 180)
    assert "A" * 43 not in repr(settings)


@pytest.mark.parametrize("key", ["x", "A" * 43, "A" * 44, "é", "QUFB"])
def test_master_keys_that_are_none(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(TokenSettings, GOOD | {"TESSERA_MASTER_KEY": key})
    assert caught.value.problems == ["TESSERA_MASTER_KEY: its value is not 32 bytes in base64"]
    assert repr(MasterKey(GOOD["TESSERA_MASTER_KEY"])) == "MasterKey(...)"
