"""PKCS#12 files for the tests: those that openssl writes, and those that nobody should write."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from certificates.x509 import der
from tests.parts import needs

PASSPHRASE = "correct horse"
DATA, ENCRYPTED = "2a864886f70d010701", "2a864886f70d010706"
_BAGS = {"key": "01", "shrouded": "02", "certificate": "03", "crl": "04", "nested": "06"}
_PIECE = 100  # octets


class KeyStores:
    """A folder in which openssl has made `own` and two issuers, each with its key."""

    names = ("own", "sub", "root")

    def __init__(self, folder: Path) -> None:
        self.folder, self._openssl = folder, needs("openssl", "openssl")
        for name in self.names:
            key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
            make = ("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem")
            self.run(*make, "-subj", f"/CN={name}", "-days", "30")
        both = b"".join((folder / f"{name}.pem").read_bytes() for name in self.names[1:])
        (folder / "issuers.pem").write_bytes(both)

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            [self._openssl, *arguments],
            cwd=self.folder,
            input=given,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def der(self, name: str) -> bytes:
        return self.run("x509", "-in", f"{name}.pem", "-outform", "der")

    def export(self, *options: str, passphrase: str = PASSPHRASE) -> bytes:
        """A file of `own` with its key, and whatever the options say."""
        files = ("-in", "own.pem", "-inkey", "own.key")
        if "-nokeys" in options:
            files = ("-in", "own.pem")
        (self.folder / "passphrase").write_text(passphrase + "\n")
        return self.run("pkcs12", "-export", *files, "-passout", "file:passphrase", *options)


def oid(hexadecimal: str) -> bytes:
    return der.encode(der.OBJECT_IDENTIFIER, bytes.fromhex(hexadecimal))


def sequence(*parts: bytes) -> bytes:
    return der.encode(der.SEQUENCE, b"".join(parts))


def octets(data: bytes) -> bytes:
    return der.encode(der.OCTET_STRING, data)


def number(value: int) -> bytes:
    return der.encode(der.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def explicit(inner: bytes) -> bytes:
    return der.encode(0xA0, inner)


def bag(kind: str, value: bytes) -> bytes:
    return sequence(oid(f"2a864886f70d010c0a01{_BAGS[kind]}"), explicit(value))


def certificate_bag(certificate: bytes) -> bytes:
    return bag("certificate", sequence(oid("2a864886f70d01091601"), explicit(octets(certificate))))


def plain_safe(*bags: bytes) -> bytes:
    return sequence(oid(DATA), explicit(octets(sequence(*bags))))


def encrypted_safe(algorithm: bytes, data: bytes) -> bytes:
    content = sequence(oid(DATA), algorithm, der.encode(0x80, data))
    return sequence(oid(ENCRYPTED), explicit(sequence(number(0), content)))


def pfx(*safes: bytes, mac: bytes = b"") -> bytes:
    content = sequence(oid(DATA), explicit(octets(sequence(*safes))))
    return sequence(number(3), content, mac)


def mac_data(rounds: int) -> bytes:
    """A code over the file that nobody can check in the time they have."""
    info = sequence(sequence(oid("2b0e03021a"), b"\x05\0"), octets(bytes(20)))
    return sequence(info, octets(b"salt" * 2), number(rounds))


def as_ber(data: bytes) -> bytes:
    """As some Java libraries write it: no length is definite, octets come in pieces."""
    return b"".join(_as_ber(element) for element in der.elements(data))


def _as_ber(element: der.Element) -> bytes:
    if element.tag == der.OCTET_STRING and len(element.content) > _PIECE:
        pieces = (
            octets(element.content[at : at + _PIECE])
            for at in range(0, len(element.content), _PIECE)
        )
        return _indefinite(der.OCTET_STRING | 0x20, pieces)
    if element.tag & 0x20:
        return _indefinite(element.tag, map(_as_ber, element.children()))
    return element.raw


def _indefinite(tag: int, parts: Iterable[bytes]) -> bytes:
    return bytes((tag, 0x80)) + b"".join(parts) + b"\0\0"
