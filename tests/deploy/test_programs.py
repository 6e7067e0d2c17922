"""What each process is told."""

import base64
import os
from pathlib import Path

import pytest

from deploy.local.config import LocalSettings
from deploy.local.errors import CannotRun
from deploy.local.home import Home
from deploy.local.ports import lay_out
from deploy.local.programs import Programs
from services.runtime.env import load
from services.token.config import TokenSettings
from services.token.identities import Identities


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.make_key()
    Identities.complete(home.identities)
    return home


def programs(home: Home, environ: dict[str, str], workers: int = 1) -> Programs:
    layout = lay_out(LocalSettings(home=home.path, workers=workers))
    return Programs(home, layout, lambda service: f"postgres://{service}@/t", "info", environ)


def test_a_service_is_told_its_workers_its_peers_and_its_secrets_as_files(home: Home) -> None:
    env = programs(home, {}, workers=2).serve("account").env
    assert env["TESSERA_DSN"] == "postgres://account@/t"
    assert env["TESSERA_LISTEN"] == "127.0.0.1:50052,127.0.0.1:50102"
    assert env["TESSERA_METRICS_LISTEN"] == "127.0.0.1:9465,127.0.0.1:9468"
    assert env["TESSERA_TOKEN_ADDRESS"] == "127.0.0.1:50051,127.0.0.1:50101"
    assert env["TESSERA_CLIENT_ID_FILE"] == str(home.identities / "account_client_id")
    assert env["TESSERA_CLIENT_KEY_FILE"] == str(home.identities / "account_client_key")
    assert env["TESSERA_MASTER_KEY_FILE"] == str(home.key)
    assert "TESSERA_CLIENT_KEY" not in env


def test_the_stack_s_settings_win_over_both_forms_in_the_environment_and_others_pass(home: Home) -> None:
    environ = {"TESSERA_DSN_FILE": "/other", "TESSERA_MASTER_KEY": "other", "TESSERA_DRAIN": "1", "PATH": "/bin"}
    env = programs(home, environ).serve("token").env
    assert "TESSERA_DSN_FILE" not in env
    assert "TESSERA_MASTER_KEY" not in env
    assert (env["TESSERA_DRAIN"], env["PATH"]) == ("1", "/bin")


def test_token_takes_what_it_is_told(home: Home) -> None:
    settings = load(TokenSettings, programs(home, dict(os.environ)).serve("token").env)
    assert settings.dsn == "postgres://token@/t"
    assert settings.default_domain == "bj1"
    assert "TESSERA_MASTER_KEY_FILE" not in programs(home, {}).migrate("token").env
    assert len(base64.b64decode(home.key.read_text(encoding="ascii"))) == 32


def test_codes_are_shown_where_a_person_looks_on(home: Home) -> None:
    def senders(**environ: str) -> tuple[str, str]:
        env = programs(home, environ).serve("account").env
        return env["TESSERA_MOBILE_SENDER"], env["TESSERA_EMAIL_SENDER"]

    assert senders() == ("console", "console")
    assert senders(TESSERA_LOG_FORMAT="json") == ("none", "none")
    assert senders(TESSERA_EMAIL_SENDER="smtp") == ("console", "smtp")


@pytest.mark.parametrize("service", ["account", "gateway"])
def test_a_lost_identity_is_one_line(home: Home, service: str) -> None:
    (home.identities / f"{service}_client_id").unlink()
    with pytest.raises(CannotRun, match=rf"{service}_client_id is missing: put it back"):
        programs(home, {}).gateway() if service == "gateway" else programs(home, {}).serve(service)
