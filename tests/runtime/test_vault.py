import pytest

from services.runtime.validation import USER_ID
from services.runtime.vault import Vault, VaultError

KEY, OTHER = b"a" * 32, b"b" * 32


def test_what_was_sealed_opens() -> None:
    vault = Vault(KEY)
    sealed = vault.seal(b"secret", "bj1/k")
    assert b"secret" not in sealed
    assert vault.fits(sealed)
    assert vault.open(sealed, "bj1/k") == b"secret"
    assert vault.seal(b"secret", "bj1/k") != sealed


def test_another_key_another_place_and_damage() -> None:
    sealed = Vault(KEY).seal(b"secret", "bj1/k")
    assert not Vault(OTHER).fits(sealed)
    for vault, value, place in (
        (Vault(OTHER), sealed, "bj1/k"),
        (Vault(KEY), sealed, "bj2/k"),
        (Vault(KEY), sealed[:-1] + bytes((sealed[-1] ^ 1,)), "bj1/k"),
        (Vault(KEY), sealed[:20], "bj1/k"),
        (Vault(KEY), b"", "bj1/k"),
    ):
        with pytest.raises(VaultError):
            vault.open(value, place)


def test_a_pseudonym_is_one_users_under_one_key_and_no_id() -> None:
    vault = Vault(bytes(32))
    pseudonym = vault.pseudonym("bj1", "ann")
    assert pseudonym == Vault(bytes(32)).pseudonym("bj1", "ann")
    others = {
        vault.pseudonym("bj1", "bob"),
        vault.pseudonym("bj2", "ann"),
        Vault(bytes(31) + b"1").pseudonym("bj1", "ann"),
    }
    assert len(others | {pseudonym}) == 4
    assert not USER_ID.fullmatch(pseudonym)
