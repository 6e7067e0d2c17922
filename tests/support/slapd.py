"""A real OpenLDAP of a test's own, on loopback, with a folder, people and certificates of its own."""

import asyncio
import base64
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.certificates import issue, make_authority
from services.account.model.user_systems import LdapSettings, UserSystem
from tests.support.ports import free_ports

HOST = "ldap.example.com"
"""Its name, which its certificate has; `look_up` finds it."""
SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
SEARCHER, SEARCHER_PASSWORD = f"cn=searcher,{SUFFIX}", "searcher's password"

_SCHEMAS = Path("/etc/ldap/schema")
# What of Active Directory's schema tests need.
_OBJECT_GUID = """
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.900001 NAME 'adPerson' SUP top AUXILIARY MAY objectGUID )
"""


def find() -> str | None:
    """The program, which is in no user's path on Debian; `None`: it is not installed."""
    return shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/local/libexec")


def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
    """As `socket.getaddrinfo`, for `HOST` and IP addresses alone."""
    if host != HOST and not host.replace(".", "").isdecimal():
        raise OSError(host)
    return [(None, None, None, "", ("127.0.0.1" if host == HOST else host, port))]


def person(rdn: str, **attributes: str | bytes | list[str]) -> str:
    """An entry of somebody, as LDIF: `uid` is the name in the DN, unless it is given."""
    attributes = {"cn": rdn, "sn": rdn, "uid": rdn, **attributes}
    lines = [f"dn: cn={rdn},{PEOPLE}", "objectClass: inetOrgPerson", "objectClass: adPerson"]
    for name, values in attributes.items():
        for value in values if isinstance(values, list) else [values]:
            raw = value if isinstance(value, bytes) else value.encode()
            lines.append(f"{name}:: {base64.b64encode(raw).decode()}")
    return "\n".join(lines) + "\n"


def slowly_hashed(password: str) -> str:
    """A password as an entry holds it where looking at it takes long: a tenth of a second, or several."""
    program = find()
    assert program
    command = [program, "-Tpasswd", "-n", "-h", "{CRYPT}", "-c", "$6$rounds=150000$%.16s", "-s", password]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def settings(**changed: Any) -> LdapSettings:
    """Settings of a directory with these people in it."""
    return LdapSettings(**{"url": f"ldaps://{HOST}", "base_dn": PEOPLE, "bind_dn": SEARCHER, **changed})


class Slapd:
    """A directory that can be stopped, killed and held, and started again with all that is in it.

    Args:
        folder: where it keeps all of it.
        people: entries as LDIF.
        tls: whether it offers TLS at all.
        name: that its certificate has.
        referral: where it sends who asks for what it has not; empty: nowhere.
        anonymous: what nobody in particular may.
    """

    def __init__(
        self,
        folder: Path,
        people: list[str],
        *,
        tls: bool = True,
        name: str = HOST,
        referral: str = "",
        anonymous: str = "auth",
    ) -> None:
        self.folder = folder
        self.ldap, self.ldaps = free_ports(2)
        self.authority = make_authority()
        self._own = issue(self.authority, name)
        self._process: subprocess.Popen[bytes] | None = None
        self._configure(tls=tls, referral=referral, anonymous=anonymous)
        root = f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n"
        unit = f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n"
        searcher = (
            f"dn: {SEARCHER}\nobjectClass: person\ncn: searcher\nsn: searcher\nuserPassword: {SEARCHER_PASSWORD}\n"
        )
        (folder / "people.ldif").write_text("\n".join([root, unit, searcher, *people]), encoding="utf-8")
        self._run("-Tadd", "-l", str(folder / "people.ldif"))

    def _configure(self, *, tls: bool, referral: str, anonymous: str) -> None:
        (self.folder / "data").mkdir(parents=True)
        schema = self.folder / "ad.schema"
        schema.write_text(_OBJECT_GUID, encoding="ascii")
        files = {"ca.crt": self.authority.certificate, "tls.crt": self._own.certificate, "tls.key": self._own.key}
        for file, text in files.items():
            (self.folder / file).write_text(text, encoding="ascii")
        certificates = [
            f"TLSCACertificateFile {self.folder}/ca.crt",
            f"TLSCertificateFile {self.folder}/tls.crt",
            f"TLSCertificateKeyFile {self.folder}/tls.key",
        ]
        lines = [
            *(f"include {_SCHEMAS}/{each}.schema" for each in ("core", "cosine", "inetorgperson")),
            f"include {schema}",
            "modulepath /usr/lib/ldap",
            "moduleload back_mdb",
            # Lets in who has no password, as nobody: tests are to show that we do not.
            "allow bind_anon_dn",
            *(certificates if tls else []),
            *([f"referral {referral}"] if referral else []),
            "database mdb",
            f'suffix "{SUFFIX}"',
            f"directory {self.folder}/data",
            "maxsize 16777216",
            "index uid eq",
            "access to attrs=userPassword by anonymous auth by * none",
            f'access to dn.subtree="{SUFFIX}" by dn.exact="{SEARCHER}" read by anonymous {anonymous} by * none',
        ]
        (self.folder / "slapd.conf").write_text("\n".join(lines) + "\n", encoding="ascii")

    def _run(self, *arguments: str) -> None:
        program = find()
        assert program
        command = [program, *arguments, "-f", str(self.folder / "slapd.conf")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        program = find()
        assert program
        listen = f"ldap://127.0.0.1:{self.ldap}/ ldaps://127.0.0.1:{self.ldaps}/"
        # `-d` keeps it from becoming a process of nobody's.
        command = [program, "-d", "0", "-f", str(self.folder / "slapd.conf"), "-h", listen]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220 it is there at once
        async with asyncio.timeout(20):
            while not await _listens(self.ldap):
                assert self._process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """As a machine that loses its power does it."""
        assert self._process
        self._process.kill()
        self._process.wait()
        self._process = None

    def hold(self) -> None:
        """It does nothing any more, and does not end."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It does what it was held from."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it, where it runs."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(timeout=20)

    def system(self, *, ldaps: bool = True, secret: str = SEARCHER_PASSWORD, **changed: Any) -> UserSystem:
        """A user system that is this directory."""
        url = f"ldaps://{HOST}:{self.ldaps}" if ldaps else f"ldap://{HOST}:{self.ldap}"
        made = settings(**{"url": url, "ca_pem": self.authority.certificate, **changed})
        # Other settings are another version.
        version = hash((made, secret))
        return UserSystem("d1", "0197c3a2", made, private_addresses=True, secret=secret, version=version)


@asynccontextmanager
async def running_slapd(folder: Path, people: list[str], **options: Any) -> AsyncIterator[Slapd]:
    """A directory that serves."""
    slapd = Slapd(folder, people, **options)
    try:
        await slapd.start()
        yield slapd
    finally:
        slapd.close()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
