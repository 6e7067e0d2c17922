import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.runtime.vault import MasterKey
from services.token.bootstrap import bootstrap
from services.token.identities import Identities
from tests.support.calls import refused
from tests.support.token import DOMAIN, ISSUER, command, run_bootstrap, serving, settings_of

ARGUMENTS = ("--domain", DOMAIN, "--issuer", ISSUER)


def as_written(folder: Path) -> dict[str, tuple[int, int]]:
    """Which file each one is, and when it was last written."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


async def test_the_identities_that_are_made(database_url: Callable[[str], str], tmp_path: Path) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    files = {path.name: path for path in (tmp_path / "identities").iterdir()}
    assert set(files) == {
        *("operator_client_id", "operator_client_secret", "gateway_client_id", "gateway_client_secret"),
        *("account_client_id", "account_client_key"),
    }
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert set(made) == {"domain_id", "user_id", "operator", "account", "gateway"}
    async with serving(settings, made) as service:
        await service.operator()
        await service.minter()


async def test_once(database_url: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    (tmp_path / "again").mkdir()
    again = command(*ARGUMENTS, "--secrets-dir", str(tmp_path / "again"))
    capsys.readouterr()
    assert await asyncio.to_thread(bootstrap, settings, again) == 0
    assert "already bootstrapped" in capsys.readouterr().err
    assert not list((tmp_path / "again").iterdir())
    async with serving(settings, made) as service:
        await service.operator()


async def test_one_of_four_at_once_makes_it(database_url: Callable[[str], str], tmp_path: Path) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    folders = [tmp_path / f"{number}" for number in range(4)]
    for folder in folders:
        folder.mkdir()
    commands = [command(*ARGUMENTS, "--secrets-dir", str(folder)) for folder in folders]
    results = await asyncio.gather(*(asyncio.to_thread(bootstrap, settings, each) for each in commands))
    assert results == [0, 0, 0, 0]
    (written,) = [folder for folder in folders if list(folder.iterdir())]
    async with serving(settings, Identities.read(written).as_json()) as service:
        await service.operator()


async def test_identities_made_beforehand_are_used(database_url: Callable[[str], str], tmp_path: Path) -> None:
    """As from a mounted secret: nothing is written, and one line end too many does no harm."""
    folder = tmp_path / "identities"
    folder.mkdir()
    given = Identities.complete(folder)
    (folder / "operator_client_secret").write_text(given.operator_client_secret + "\n")
    before = as_written(folder)
    settings = settings_of(database_url("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    assert as_written(folder) == before
    assert made["operator"]["client_id"] == given.operator_client_id
    async with serving(settings, made) as service:
        await service.operator()
        await service.minter()


async def test_what_is_missing_is_made(database_url: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "identities").mkdir()
    (tmp_path / "identities" / "operator_client_id").write_text("operator-1")
    settings = settings_of(database_url("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    assert made["operator"]["client_id"] == "operator-1"
    async with serving(settings, made) as service:
        await service.operator()


async def test_without_a_folder_the_secrets_are_printed(database_url: Callable[[str], str], tmp_path: Path) -> None:
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


async def test_a_folder_that_is_not_there_makes_nothing(
    database_url: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    nowhere = command(*ARGUMENTS, "--secrets-dir", str(tmp_path / "nowhere"))
    assert await asyncio.to_thread(bootstrap, settings, nowhere) == 1
    assert "nowhere/operator_client_id: No such file" in capsys.readouterr().err
    await run_bootstrap(settings, tmp_path)


async def test_a_given_value_that_is_no_good_makes_nothing(
    database_url: Callable[[str], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    folder = tmp_path / "identities"
    folder.mkdir()
    (folder / "gateway_client_secret").write_text("guessed")
    arguments = command(*ARGUMENTS, "--secrets-dir", str(folder))
    assert await asyncio.to_thread(bootstrap, settings, arguments) == 1
    said = capsys.readouterr().err
    assert "32 or more" in said
    assert "guessed" not in said
    (folder / "gateway_client_secret").unlink()
    await run_bootstrap(settings, tmp_path)


async def test_after_a_failed_commit_the_next_try_takes_the_same_identities(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    folder = tmp_path / "identities"
    folder.mkdir()
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
        assert await asyncio.to_thread(bootstrap, settings, command(*ARGUMENTS, "--secrets-dir", str(folder))) == 1
        first = Identities.read(folder)
        await database.execute("drop function token.break() cascade")
    made = await run_bootstrap(settings, tmp_path)
    assert Identities.read(folder) == first
    async with serving(settings, made) as service:
        await service.operator()


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
