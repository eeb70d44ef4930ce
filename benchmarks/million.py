"""A trust store of very many distinct certificates, put into the database past the ORM.

A few real certificates are made, whose name, serial number and expiration have fixed lengths; a
row gets the bytes of one of them with its own name, number and date in their places. So its
fingerprints are those of its bytes, and only the signature is not right.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from itertools import islice
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.db import connection, transaction

from benchmarks.rows import AUTHORITIES, COMMON, EXPIRED, NODES, RARE, RARE_ROWS, SPREAD
from certificates.models import Certificate, Node, Purpose, Role
from certificates.models.certificate import columns
from certificates.x509.facts import read_facts

RARE_KEYS = 50_000  # one row in so many has an Ed25519 key
_NAME = "00000000-xxxxxxx-0000000.site00.example.com"
_SERIAL = bytes([0x5A]) * 16
_UNTIL = datetime(2044, 5, 6, 7, 8, 9, tzinfo=UTC)
_TIME = "%y%m%d%H%M%SZ"
_BATCH = 10_000


def fill(count: int, now: datetime) -> None:
    """Add `count` trust certificates, on `NODES` nodes."""
    local = Node.objects.local()
    others = [Node(host_name=f"sub{i}.example.com", role=Role.SUBSCRIBER) for i in range(1, NODES)]
    nodes = [local, *Node.objects.bulk_create(others)]
    rows = _rows(count, nodes, now)
    fields = [str(f.column) for f in Certificate._meta.local_concrete_fields if not f.primary_key]
    names = ", ".join(connection.ops.quote_name(name) for name in fields)
    table = connection.ops.quote_name(Certificate._meta.db_table)
    if connection.vendor == "postgresql":
        statement = f"COPY {table} ({names}) FROM STDIN"
        with _indexes_later(), connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[name] for name in fields])
        connection.cursor().execute("VACUUM ANALYZE")  # autovacuum does it, only later
        return
    statement = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(fields))})"
    with _unsafe_and_quick(), _indexes_later(), transaction.atomic():
        while batch := list(islice(rows, _BATCH)):
            values = [[row[name] for name in fields] for row in batch]
            with connection.cursor() as cursor:
                cursor.executemany(statement, values)


_INDEXES = {
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s"
    " AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s"
    " AND sql NOT LIKE 'CREATE UNIQUE%%'",
}


@contextmanager
def _indexes_later() -> Iterator[None]:
    """An index of many rows is made at once in a fraction of the time."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES[connection.vendor], [Certificate._meta.db_table])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        yield
        if connection.vendor == "postgresql":
            cursor.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            cursor.execute(definition)


@contextmanager
def _unsafe_and_quick() -> Iterator[None]:
    """SQLite without its journal and with much memory, for a database that is nobody's."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=OFF")
        cursor.execute("PRAGMA cache_size=-1500000")
    yield
    connection.close()  # the next connection is as the product makes it


def common_name(number: int, count: int) -> str:
    """As long as `_NAME`; the words that are searched for stand in its middle."""
    word = f"{COMMON}s" if number % 2 else "gateway"
    if number % (count // RARE_ROWS) == count // RARE_ROWS // 2:
        word = RARE
    digest = sha256(str(number).encode()).hexdigest()
    return f"{digest[:8]}-{word}-{number:07}.site{number % 50:02}.example.com"


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One real certificate: its bytes, and its row as the database takes it."""

    der: bytes
    row: dict[str, Any]


def _rows(count: int, nodes: list[Node], now: datetime) -> Iterator[dict[str, Any]]:
    trusts = [purpose.value for purpose in Purpose if not purpose.is_own]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    patterns = [_pattern(der, now) for der in _real_certificates(midnight, rare=False)]
    (rare,) = (_pattern(der, now) for der in _real_certificates(midnight, rare=True))
    until_before = _UNTIL.strftime(_TIME).encode()
    for number in range(count):
        pattern = patterns[number % len(patterns)] if number % RARE_KEYS else rare
        digest = sha256(str(number).encode()).digest()
        days = int.from_bytes(digest[:4]) % SPREAD - EXPIRED
        until = midnight + timedelta(days=days, seconds=number % 86_400)
        serial = bytes([digest[8] & 0x3F | 0x40]) + digest[9:24]
        name = common_name(number, count)
        der = pattern.der.replace(_NAME.encode(), name.encode()).replace(_SERIAL, serial)
        der = der.replace(until_before, until.strftime(_TIME).encode())
        subject = pattern.row["subject"].replace(_NAME, name)
        yield pattern.row | {
            "der": der,
            "common_name": name,
            "subject": subject,
            "serial_number": serial.hex(),
            "not_after": connection.ops.adapt_datetimefield_value(until),
            "fingerprint": sha256(der).hexdigest(),
            "fingerprint_sha1": sha1(der).hexdigest(),
            "subject_digest": sha256(subject.encode()).hexdigest(),
            "subject_alternative_names": pattern.row["subject_alternative_names"].replace(
                _NAME, name
            ),
            "file_name": f"{name}.pem",
            "node_id": nodes[number % len(nodes)].pk,
            "purpose": trusts[number // len(nodes) % len(trusts)],
            "description": f"Trusted by team {number % 97}",
        }


def _pattern(der: bytes, now: datetime) -> _Pattern:
    row = Certificate(is_own=False, created_at=now, **columns(read_facts(der)))
    values = {
        str(field.column): field.get_db_prep_save(getattr(row, field.attname), connection)
        for field in Certificate._meta.local_concrete_fields
    }
    if connection.vendor == "postgresql":
        values["undecoded"] = "[]"
    assert der.count(_NAME.encode()) == 2, "subject and alternative name"
    assert der.count(_SERIAL) == 1
    return _Pattern(der, values)


def _real_certificates(now: datetime, *, rare: bool) -> Iterator[bytes]:
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subjects: list[Any] = [ed25519.Ed25519PrivateKey.generate()]
    if not rare:
        subjects = [signing, ec.generate_private_key(ec.SECP256R1())]
        subjects.append(rsa.generate_private_key(public_exponent=65537, key_size=3072))
    for number in range(1 if rare else AUTHORITIES * len(subjects)):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(_NAME))
            .issuer_name(_name(f"Example CA {number % AUTHORITIES}"))
            .public_key(subjects[number % len(subjects)].public_key())
            .serial_number(int.from_bytes(_SERIAL))
            .not_valid_before(now - timedelta(days=SPREAD))
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
            .sign(signing, hashes.SHA256())
        )
        yield certificate.public_bytes(Encoding.DER)


def _name(common: str) -> x509.Name:
    parts = {NameOID.ORGANIZATION_NAME: "Example", NameOID.COMMON_NAME: common}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])
