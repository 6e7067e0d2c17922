"""The settings: a wrong one is said at the start, and a key without being shown."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from services.account.config import AccountSettings, ClientKey
from services.runtime.env import SettingsError, load
from tests.account.running import in_pem, new_client_key

_ENVIRON = {
    "TESSERA_LISTEN": "127.0.0.1:50052",
    "TESSERA_DSN": "postgresql:///tessera",
    "TESSERA_STATE_DIR": "state",
    "TESSERA_TOKEN_ADDRESS": "127.0.0.1:50051,127.0.0.1:50101",
    "TESSERA_CLIENT_ID": "account",
    "TESSERA_CLIENT_KEY": "SECRET",
    "TESSERA_MASTER_KEY": "A" * 43 + "=",
}


def test_settings_from_the_environment() -> None:
    pem = new_client_key()
    settings = load(AccountSettings, _ENVIRON | {"TESSERA_CLIENT_KEY": pem})
    assert [str(address) for address in settings.token_address] == ["127.0.0.1:50051", "127.0.0.1:50101"]
    assert settings.domain_id == "bj1"
    assert pem.splitlines()[1] not in repr(settings) + repr(settings.client_key)


def test_every_missing_setting_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load(AccountSettings, {})
    text = str(caught.value)
    for name in ("TESSERA_TOKEN_ADDRESS", "TESSERA_CLIENT_ID", "TESSERA_CLIENT_KEY", "TESSERA_MASTER_KEY"):
        assert name in text


def test_a_good_key() -> None:
    assert ClientKey(new_client_key()).private_key.curve.name == "secp256r1"


@pytest.mark.parametrize(
    "pem",
    [
        "SECRET",
        "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n",
        in_pem(ed25519.Ed25519PrivateKey.generate()),
        in_pem(ec.generate_private_key(ec.SECP384R1())),
    ],
)
def test_a_wrong_key_is_not_shown(pem: str) -> None:
    with pytest.raises(SettingsError, match="TESSERA_CLIENT_KEY") as caught:
        load(AccountSettings, _ENVIRON | {"TESSERA_CLIENT_KEY": pem})
    assert "SECRET" not in str(caught.value)


def test_addresses_of_token_that_cannot_be_called_in_turn_are_a_wrong_setting() -> None:
    environ = _ENVIRON | {"TESSERA_CLIENT_KEY": new_client_key(), "TESSERA_TOKEN_ADDRESS": "token-0:1,token-1:1"}
    with pytest.raises(SettingsError, match="TESSERA_TOKEN_ADDRESS: neither one host name nor IP addresses"):
        load(AccountSettings, environ)


@pytest.mark.parametrize("name", ["mobile", "email"])
def test_codes_are_shown_at_a_terminal_alone(name: str) -> None:
    environ = _ENVIRON | {"TESSERA_CLIENT_KEY": new_client_key()}
    assert getattr(load(AccountSettings, environ), f"{name}_sender") == "none"
    shown = environ | {f"TESSERA_{name.upper()}_SENDER": "console"}
    assert getattr(load(AccountSettings, shown | {"TESSERA_LOG_FORMAT": "console"}), f"{name}_sender") == "console"
    with pytest.raises(SettingsError, match=f"TESSERA_{name.upper()}_SENDER: console needs TESSERA_LOG_FORMAT=console"):
        load(AccountSettings, shown)
