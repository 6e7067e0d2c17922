"""The folder of identities: whole, well-formed, and never printed."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.token.identities import Identities, IdentityError


def pem(curve: ec.EllipticCurve) -> str:
    private = serialization.PrivateFormat.PKCS8
    key = ec.generate_private_key(curve)
    return key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()).decode()


def test_what_was_completed_is_read_back(tmp_path: Path) -> None:
    made = Identities.complete(tmp_path)
    assert Identities.read(tmp_path) == Identities.complete(tmp_path) == made
    assert Identities.make() != made


def test_its_repr_shows_no_secret() -> None:
    made = Identities.make()
    assert made.operator_client_secret not in repr(made)
    assert "PRIVATE" not in repr(made)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("operator_client_id", "a:b", "a client id is"),
        ("operator_client_id", "x" * 65, "a client id is"),
        ("operator_client_id", "", "is empty"),
        ("operator_client_secret", "x" * 31, "32 or more"),
        ("operator_client_secret", "with a space" * 4, "32 or more"),
        ("gateway_client_secret", "p%41rcent" * 4, "32 or more"),
        ("account_client_key", "rubbish", "P-256"),
        ("account_client_key", pem(ec.SECP384R1()), "P-256"),
    ],
)
def test_a_value_that_is_no_good_is_named_and_not_shown(tmp_path: Path, name: str, value: str, said: str) -> None:
    (tmp_path / name).write_text(value)
    with pytest.raises(IdentityError, match=said) as refused:
        Identities.complete(tmp_path)
    assert not value or value not in str(refused.value)


def test_two_identities_are_not_one(tmp_path: Path) -> None:
    for name in ("operator_client_id", "account_client_id"):
        (tmp_path / name).write_text("same")
    with pytest.raises(IdentityError, match="one client id"):
        Identities.complete(tmp_path)


def test_what_is_no_text_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "operator_client_id").write_bytes(b"\xff\xfe")
    with pytest.raises(IdentityError, match="is not text"):
        Identities.complete(tmp_path)


def test_a_folder_that_lacks_one_cannot_be_read(tmp_path: Path) -> None:
    Identities.complete(tmp_path)
    (tmp_path / "account_client_key").unlink()
    with pytest.raises(IdentityError, match="account_client_key: No such file"):
        Identities.read(tmp_path)


def test_a_link_that_leads_nowhere_is_not_written_over(tmp_path: Path) -> None:
    """As in a mounted secret that lacks a value: what was made in its place would be lost with the container."""
    link = tmp_path / "operator_client_secret"
    link.symlink_to("..data/operator_client_secret")
    with pytest.raises(IdentityError, match="operator_client_secret: No such file"):
        Identities.complete(tmp_path)
    assert link.is_symlink()
