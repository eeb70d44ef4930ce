"""A private key stands in the clear in one place: the store's `key.pem`, closed to others."""

import base64
import logging
import os
import random
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.db import transaction

from certificates.models import Node, PrivateKey, Secret
from certificates.secrets import SealError, place, seal, unseal
from certificates.x509.policy import KeyChoice
from tests.lab.changes import install, regenerate
from tests.lab.worker import Worker

STRETCH = 24  # bytes of a secret that are looked for: enough to be no accident


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a killed product leaves: also SQLite's WAL, and a log with every SQL statement."""
    folder = tmp_path_factory.mktemp("sealed")
    with Worker(folder / "data", CCXSEC_DEBUG="true", CCXSEC_LOG_LEVEL="DEBUG") as worker:
        worker.tell(regenerate_and_die)
        worker.hear_until("generated")
        worker.process.wait(60)
    return folder


def regenerate_and_die() -> None:
    """Runs in the worker: RSA keys, then an elliptic one in the place of one of them."""
    logging.getLogger("django.db.backends").setLevel(logging.DEBUG)
    install(KeyChoice.RSA_2048)
    regenerate()
    os.kill(os.getpid(), signal.SIGKILL)


def test_only_the_key_files_of_the_store_hold_key_bytes(data: Path) -> None:
    keys = set(data.glob("data/store/*/versions/*/key.pem"))
    secrets = [shape for path in keys for shape in _shapes(path.read_bytes())]
    files = {path for path in data.rglob("*") if path.is_file()}

    assert {path for path in files if _holds(path.read_bytes(), secrets)} == keys
    written = {path.name for path in files if path.stat().st_size}
    assert {"ccxsec.sqlite3", "ccxsec.sqlite3-wal", "data.log"} <= written  # were looked at
    assert {path.parents[2].name for path in keys} == {"tomcat", "ipsec"}


def _shapes(pem: bytes) -> Iterator[bytes]:
    """The secret numbers of a key in every notation that a file or a log may have."""
    key = load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    numbers = key.private_numbers()
    names = (
        "d p q dmp1 dmq1 iqmp" if isinstance(numbers, rsa.RSAPrivateNumbers) else "private_value"
    )
    for name in names.split():
        number = getattr(numbers, name)
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        middle = raw[len(raw) // 4 :][:STRETCH]
        yield from (middle, middle[::-1], middle.hex().encode(), middle.hex().upper().encode())
        yield from (str(number).encode(), repr(middle)[2:-1].encode())
        for shift in range(3):  # base64 looks different at each offset within a group of three
            yield base64.b64encode(middle[shift : STRETCH - 3 + shift])
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        yield key.private_bytes(Encoding.DER, form, NoEncryption())


def _holds(content: bytes, secrets: list[bytes]) -> bool:
    """Also across the line breaks of PEM, and in both alphabets of base64."""
    joined = b"".join(content.split()).replace(b"-", b"+").replace(b"_", b"/")
    return any(secret in content or secret in joined for secret in secrets)


def test_the_key_files_are_closed_to_everybody_else(data: Path) -> None:
    versions = list(data.glob("data/store/*/versions/*"))

    assert len(versions) == 3
    for version in versions:
        assert stat.S_IMODE(version.stat().st_mode) == 0o700
        assert stat.S_IMODE((version / "key.pem").stat().st_mode) == 0o600


@pytest.fixture
def keys(node: Node) -> tuple[PrivateKey, PrivateKey]:
    """Two sealed keys in two rows."""
    first, second = PrivateKey.objects.all()
    return first, second


def test_a_sealed_value_with_any_bit_changed_does_not_open() -> None:
    where, chance = b"ccxsec|table|1|sealed", random.Random(8)
    sealed = seal(b"a secret", where)

    assert unseal(sealed, where) == b"a secret"
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1 << chance.randrange(8)
        with pytest.raises(SealError):
            unseal(bytes(changed), where)


def test_a_sealed_value_that_was_cut_or_extended_does_not_open() -> None:
    sealed = seal(b"a secret", b"where")

    for length in range(len(sealed)):
        with pytest.raises(SealError):
            unseal(sealed[:length], b"where")
    with pytest.raises(SealError):
        unseal(sealed + b"\0", b"where")


def test_parts_of_two_sealed_values_do_not_make_a_third() -> None:
    first, second = seal(b"a secret", b"where"), seal(b"a secret", b"where")

    for at in range(1, len(first)):
        if first[:at] != second[:at] and first[at:] != second[at:]:
            with pytest.raises(SealError):
                unseal(first[:at] + second[at:], b"where")


def test_a_key_that_was_moved_to_another_row_does_not_open(
    keys: tuple[PrivateKey, PrivateKey],
) -> None:
    one, other = keys
    PrivateKey.objects.filter(pk=one.pk).update(sealed=other.sealed)
    one.refresh_from_db()

    with pytest.raises(SealError, match="moved"), transaction.atomic():
        one.unseal(owner=one, actor="test", reason="test")


def test_a_seal_of_another_table_or_column_does_not_open(
    keys: tuple[PrivateKey, PrivateKey],
) -> None:
    key, _ = keys
    sealed = bytes(key.sealed)

    for elsewhere in (
        place(key, "public_key_fingerprint"),
        place(Secret(name=str(key.pk)), "sealed"),
    ):
        with pytest.raises(SealError, match="moved"):
            unseal(sealed, elsewhere)
    assert unseal(sealed, place(key, "sealed"))
