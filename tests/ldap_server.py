"""An LDAP server on loopback (OpenLDAP's slapd), with people and groups, over TLS."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.certificates.authorities import DAY, Authority, common_name, host_names, root
from tests.parts import needs
from tests.product import free_port

BASE = "dc=example,dc=com"
READER, READER_PASSWORD = f"cn=ccxsec,{BASE}", "only-reads-the-directory"
PASSWORD = "right horse, wrong battery"  # of everybody
_SETTINGS = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/key.pem
security simple_bind=128
disallow bind_anon
database mdb
suffix "{base}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""
_ENTRIES = """
dn: {base}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: ccxsec
userPassword: {reader_password}

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: ou=others,{base}
objectClass: organizationalUnit
ou: others
"""


@dataclass
class Directory:
    """`tls_port` speaks TLS from the start, `port` after StartTLS only."""

    folder: Path
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    def start(self) -> None:
        urls = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        command = [needs("slapd", "slapd"), "-f", str(self.folder / "slapd.conf"), "-h", urls]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, "-d", "none"], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not (self.folder / "pid").exists():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def run(self, program: str, content: str) -> None:
        """`ldapmodify` or so, as whoever may change everything, where the server has stopped."""
        command = [needs(program, "slapd"), "-f", str(self.folder / "slapd.conf")]
        done = subprocess.run(command, input=content, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def person(name: str, *, uid: str = "", password: str = PASSWORD) -> str:
    """An entry, as LDIF."""
    return (
        f"\ndn: cn={name},ou=people,{BASE}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\n"
        f"uid: {uid or name}\nuserPassword: {password}\n"
    )


def group(name: str, *members: str, unit: str = "groups") -> str:
    """A group of people's names, as LDIF."""
    listed = "".join(f"member: cn={member},ou=people,{BASE}\n" for member in members)
    return f"\ndn: cn={name},ou={unit},{BASE}\nobjectClass: groupOfNames\ncn: {name}\n{listed}"


@contextmanager
def running(*entries: str) -> Iterator[Directory]:
    folder = Path(tempfile.mkdtemp(prefix="ccxsec-slapd-"))
    directory = Directory(folder)
    names = {"folder": folder, "base": BASE, "reader": READER}
    try:
        (folder / "data").mkdir()
        (folder / "slapd.conf").write_text(_SETTINGS.format(**names))
        _certificates(folder)
        base = _ENTRIES.format(**names, reader_password=READER_PASSWORD)
        directory.run("slapadd", base + "".join(entries))
        directory.start()
        yield directory
    finally:
        if directory.process and directory.process.poll() is None:
            directory.stop()
        shutil.rmtree(folder)


def _certificates(folder: Path) -> None:
    """The server's name is localhost, and no address is in its certificate."""
    ca = root("Directory CA", first=datetime.now(UTC) - DAY, last=datetime.now(UTC) + DAY)
    served = _server_of(ca)
    for name, one in (("ca", ca), ("server", served)):
        pem = x509.load_der_x509_certificate(one.certificate).public_bytes(Encoding.PEM)
        (folder / f"{name}.pem").write_bytes(pem)
    key = served.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)


def _server_of(ca: Authority) -> Authority:
    return ca.issue(
        common_name("localhost"),
        host_names("localhost"),
        first=datetime.now(UTC) - DAY,
        last=datetime.now(UTC) + DAY,
    )
