import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from services.token.bootstrap import bootstrap
from services.token.config import MasterKey
from tests.support.calls import refused
from tests.support.token import DOMAIN, ISSUER, Running, command, run_bootstrap, serving, settings_of

ARGUMENTS = ("--domain", DOMAIN, "--issuer", ISSUER)


async def test_the_identities_that_are_made(own: Running, tmp_path: Path) -> None:
    file = tmp_path / "bootstrap.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(own.made) == {"domain_id", "user_id", "operator", "account", "gateway"}
    assert set(own.made["operator"]) == set(own.made["gateway"]) == {"client_id", "client_secret"}
    assert set(own.made["account"]) == {"client_id", "private_key_pem"}
    serialization.load_pem_private_key(own.made["account"]["private_key_pem"].encode(), None)
    await own.operator()
    await own.minter()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("bootstrap")] == ["bootstrap.json"]


async def test_once(database_url: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    again = command(*ARGUMENTS, "--secrets-file", str(tmp_path / "again.json"))
    capsys.readouterr()
    assert await asyncio.to_thread(bootstrap, settings, again) == 0
    assert "already bootstrapped" in capsys.readouterr().err
    assert not (tmp_path / "again.json").exists()
    async with serving(settings, made) as service:
        await service.operator()


async def test_one_of_four_at_once_makes_it(database_url: Callable[[str], str], tmp_path: Path) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    files = [tmp_path / f"{number}.json" for number in range(4)]
    calls = [asyncio.to_thread(bootstrap, settings, command(*ARGUMENTS, "--secrets-file", str(file))) for file in files]
    assert await asyncio.gather(*calls) == [0, 0, 0, 0]
    (written,) = [file for file in files if file.exists()]
    async with serving(settings, json.loads(written.read_text())) as service:
        await service.operator()


async def test_without_a_file_the_secrets_are_printed(database_url: Callable[[str], str], tmp_path: Path) -> None:
    """By the real command: nothing else stands on its standard output."""
    settings = settings_of(database_url("token"), tmp_path)
    environ = os.environ | {
        "TESSERA_DSN": settings.dsn,
        "TESSERA_LISTEN": str(settings.listen[0]),
        "TESSERA_STATE_DIR": str(settings.state_dir),
        "TESSERA_MASTER_KEY": "A" * 43 + "=",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.token", "bootstrap", *ARGUMENTS, env=environ, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    async with serving(settings, json.loads(output)) as service:
        await service.operator()


async def test_a_file_that_cannot_be_written_makes_nothing(
    database_url: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    nowhere = command(*ARGUMENTS, "--secrets-file", str(tmp_path / "nowhere" / "x.json"))
    assert await asyncio.to_thread(bootstrap, settings, nowhere) == 1
    assert "nowhere" in capsys.readouterr().err
    await run_bootstrap(settings, tmp_path)


async def test_a_failed_commit_takes_the_file_back(database_url: Callable[[str], str], tmp_path: Path) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    file = tmp_path / "bootstrap.json"
    async with serving(settings, {}) as service, service.database() as database:
        # A rule that is checked when the transaction commits, and breaks then.
        await database.execute(
            "create function token.break() returns trigger language plpgsql as "
            "$$ begin raise 'no' using errcode = 'admin_shutdown'; end $$"
        )
        await database.execute(
            "create constraint trigger break after insert on token.domain initially deferred "
            "for each row execute function token.break()"
        )
    assert await asyncio.to_thread(bootstrap, settings, command(*ARGUMENTS, "--secrets-file", str(file))) == 1
    assert not file.exists()


async def test_a_database_that_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    assert await asyncio.to_thread(bootstrap, settings, command(*ARGUMENTS)) == 1
    assert "database is unavailable" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--domain", "a b", "--issuer", ISSUER), ("--domain", "bj1", "--issuer", "x")])
def test_arguments_that_are_not_good(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        command(*arguments)


async def test_another_master_key_is_noticed(database_url: Callable[[str], str], tmp_path: Path) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    other = replace(settings, master_key=MasterKey("B" * 43 + "="))
    async with serving(other, made) as service:
        refusal = await refused(service.operator(), "UNAVAILABLE")
        assert refusal.message == "The signing key is unavailable. Try again."
