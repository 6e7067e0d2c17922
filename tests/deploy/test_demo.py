"""The demo's file, its assertions, and the lines that use it."""

import dataclasses
import json
import re
import stat
import subprocess
import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from deploy.local.curl import lines
from deploy.local.demo import Demo
from deploy.local.errors import CannotRun
from deploy.local.seed import _key_pair
from tests.support.ports import free_ports

KEYS = [
    "gateway",
    "domain_id",
    "user_id",
    "identity_id",
    "project_id",
    "client_id",
    "client_secret",
    "redirect_uri",
    "jwt_client_id",
    "jwt_private_key_pem",
    "access_key_id",
    "access_key_secret",
    "push_access_id",
    "push_secret_key",
    "refresh_token",
]


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    return _key_pair()


@pytest.fixture
def demo(keys: tuple[str, str]) -> Demo:
    port = free_ports(1)[0]
    values = {key: key.replace("_", "-") for key in KEYS}
    return Demo(**values | {"gateway": f"http://127.0.0.1:{port}", "jwt_private_key_pem": keys[0]})


def test_the_file_has_the_keys_of_the_manual_and_is_private(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    demo.write(path)
    assert list(json.loads(path.read_text(encoding="utf-8"))) == KEYS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Demo.read(path) == demo


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"gateway": 1'])
def test_a_damaged_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_text(text, encoding="utf-8")
    with pytest.raises(CannotRun, match="is damaged"):
        Demo.read(tmp_path / "demo.json")


def test_assertions_are_what_the_grant_takes_and_never_the_same(demo: Demo, keys: tuple[str, str]) -> None:
    first, second = demo.assertion(), demo.assertion()
    assert jwt.get_unverified_header(first) == {"alg": "RS256", "typ": "JWT"}
    public = load_pem_public_key(keys[1].encode())
    claims = jwt.decode(first, public, algorithms=["RS256"], audience="domain-id")  # type: ignore[arg-type]
    assert claims["iss"] == "jwt-client-id"
    assert (claims["sub"], claims["sub_type"], claims["aud"]) == ("user-id", "user", "domain-id")
    assert 0 < claims["exp"] - time.time() <= 60
    assert first != second


def test_a_gateway_that_is_away_is_one_line(demo: Demo) -> None:
    with pytest.raises(CannotRun, match=r"http://127.0.0.1:\d+ does not answer"):
        demo.new_refresh_token()


# A shell in which curl prints what it is given, and so does Python.
SHELL = r"""
curl() { printf '%s\n' "$@"; }
python() { printf 'made'; }
"""


def given(line: str) -> list[str]:
    """What curl would be given by a line."""
    line = re.sub(r"\$\(\S+ ", "$(python ", line)
    return subprocess.run(["bash", "-c", SHELL + line], check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_lines_reach_curl_whole_whatever_stands_in_them(demo: Demo, tmp_path: Path) -> None:
    awkward = dataclasses.replace(demo, push_secret_key="a'b $c `d`", user_id="quo\"te's")
    by_assertion, refresh, link, describe, describe_xml, bind, query = (
        given(line) for _, line in lines(awkward, tmp_path / "some home", Path(".tessera"))
    )
    assert by_assertion[2:] == [
        f"{demo.gateway}/v2/oauth/token",
        "-d",
        "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
        "-d",
        "client_id=jwt-client-id",
        "-d",
        "assertion=made",
    ]
    assert refresh[-1] == "refresh_token=made"
    assert "authorization: Bearer made" in link
    assert json.loads(link[-1]) == {"user_id": "quo\"te's", "type": "mobile", "identity": "13900001234"}
    path = f"{demo.gateway}/?Action=DescribeOpenAccount&ProjectId=project-id&IdentityId=identity-id&Format="
    assert (describe[2], describe_xml[2]) == (path + "JSON", path + "XML")
    assert bind[3:5] == query[3:5] == ["-u", "push-access-id:a'b $c `d`"]
    assert json.loads(bind[-1])["operator_type"] == 2
    assert json.loads(query[-1])["operator_type"] == 1


def test_what_a_line_does_can_be_pasted_with_it(demo: Demo) -> None:
    """zsh, the shell of macOS, reads a quote in a comment that is pasted, and waits for the next one."""
    usual = Path(".tessera")
    assert not any(set(what) & set("'\"`$;") for what, _ in lines(demo, usual, usual))


def test_the_lines_name_the_folder_only_where_it_is_not_the_usual_one(demo: Demo) -> None:
    usual = Path(".tessera")
    assert not any("--home" in line for _, line in lines(demo, usual, usual))
    assert sum("--home '/a b'" in line for _, line in lines(demo, Path("/a b"), usual)) == 5
