"""Importing very many trust certificates by the command line, from a PKCS#7 file and from a folder.

The reference is `cryptography` alone, in one process: it loads the same file and reads the same
columns from every certificate; it writes nothing. A second one also inserts them in the same table,
as a script would, without a look at what is there and without an event. Ours reads strictly,
judges, writes the rows, an event for each, and commits, synced to disk.
"""

import io
import os
import resource
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.core.management import call_command
from django.db import connection, transaction

from benchmarks.report import Table
from certificates.models import Certificate, Event, Node, Role
from certificates.models.insertion import room_for_indexes
from certificates.x509.der import encode

AUTHORITIES = 4
BATCH = 2_000
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("300b06092a864886f70d010701")


def measure(options: Namespace) -> list[Table]:
    count = options.rows
    print(f"import_many: making {count:,} certificates ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as made:
        bundle, folder = Path(made, "bundle.p7b"), Path(made, "folder")
        folder.mkdir()
        ders = list(islice(_subordinates(), count))
        bundle.write_bytes(_pkcs7(ders))
        for number, der in enumerate(ders):
            (folder / f"{number:07}.der").write_bytes(der)
        del ders
        rows = [
            _row("bare parsing of the PKCS#7 file", count, lambda: _bare(bundle)),
            _row("the same, and inserted", count, lambda: _inserted(bundle)),
            _row("import of it", count, lambda: _import("ipsec-trust", bundle)),
            _row("bare parsing of the folder", count, lambda: _bare(folder)),
            _row("import of the folder", count, lambda: _import("tomcat-trust", folder)),
            _row("import again: all there", count, lambda: _import("ipsec-trust", bundle)),
        ]
    assert Certificate.objects.trust().count() == 3 * count
    assert Event.objects.filter(action="trust:add").count() == 2 * count
    (_, parsed, _), (_, inserted, _) = rows[:2]
    references = [parsed] * 3 + [rows[3][1]] * 2 + [parsed]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    reader = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        Table(
            f"{count:,} certificates on {connection.vendor}, {os.cpu_count()} cores; peak memory "
            f"{peak:.0f} MiB, of a process that reads {reader:.0f} MiB",
            ("what", "seconds", "CPU seconds", "a second", "times bare speed", "and inserted"),
            [
                (name, wall, cpu, count / wall, bare / wall, inserted / wall)
                for (name, wall, cpu), bare in zip(rows, references, strict=True)
            ],
        )
    ]


def _row(name: str, count: int, work: Callable[[], int]) -> tuple[str, float, float]:
    """Its time, and that of all processors together."""
    print(f"import_many: {name} ...", file=sys.stderr)
    began, before = time.perf_counter(), _cpu()
    done = work()
    assert done == count, f"{name}: {done} of {count}"
    return name, time.perf_counter() - began, _cpu() - before


def _cpu() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _import(store: str, source: Path) -> int:
    out = io.StringIO()
    words = ["--bundle"] if source.is_file() else []
    call_command("cert", "import", store, str(source), *words, stdout=out)
    last = out.getvalue().splitlines()[-1]
    assert ", 0 refused" in last, last
    return int(last.split()[0].replace(",", ""))


def _bare(source: Path) -> int:
    """Keeps no more than a few thousand of them, as a program that writes them would."""
    kept: list[Any] = []
    count = 0
    for certificate in _loaded(source):
        kept.append(_columns(certificate))
        count += 1
        if len(kept) == BATCH:
            kept.clear()
    return count


def _inserted(source: Path) -> int:
    """Into a store that nothing else is in, all in one transaction."""
    node = Node.objects.create(host_name="bare.example.com", role=Role.SUBSCRIBER)
    given = {"node_id": node.pk, "purpose": "ipsec-trust", "is_own": False, "state": "active"}
    given |= {"description": "", "undecoded": "[]", "key_label": "EC P-256"}
    given |= {"created_at": _moment(datetime.now(UTC))}
    names = ", ".join([*given, "file_name", *READ])
    places = ", ".join(["%s"] * (len(given) + 1 + len(READ)))
    table = Certificate._meta.db_table
    statement = f"INSERT INTO {table} ({names}) VALUES ({places})"
    count, certificates = 0, _loaded(source)
    with room_for_indexes(), transaction.atomic(), connection.cursor() as cursor:
        while batch := list(islice(certificates, BATCH)):
            rows = [_columns(certificate) for certificate in batch]
            cursor.executemany(
                statement,
                [
                    (*given.values(), f"{row[1]}.pem", *row[:6], *map(_moment, row[6:8]), *row[8:])
                    for row in rows
                ],
            )
            count += len(batch)
    return count


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _loaded(source: Path) -> Iterator[x509.Certificate]:
    if source.is_dir():
        for path in sorted(source.iterdir()):
            yield x509.load_der_x509_certificate(path.read_bytes())
        return
    data = source.read_bytes()
    # As the library's own reader of PKCS#7 keeps all of them, they are taken one by one.
    for start, end in _ranges(data):
        yield x509.load_der_x509_certificate(data[start:end])


def _ranges(data: bytes) -> Iterator[tuple[int, int]]:
    position = data.index(_DATA) + len(_DATA)
    octets = data[position + 1] & 0x7F
    end = position + 2 + octets + int.from_bytes(data[position + 2 : position + 2 + octets], "big")
    position += 2 + octets
    while position < end:
        after = position + 4 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield position, after
        position = after


READ = (
    *("der", "common_name", "subject", "issuer_common_name", "issuer", "serial_number"),
    *("not_before", "not_after", "type", "key_type", "key_bits", "signature_algorithm"),
    *("fingerprint", "fingerprint_sha1", "subject_key_identifier", "authority_key_identifier"),
    *("subject_alternative_names", "subject_digest", "issuer_digest"),
)


def _columns(certificate: x509.Certificate) -> tuple[Any, ...]:
    """Every column that a row of ours has, as the library says it; their digests by its octets."""
    values = {type(extension.value): extension.value for extension in certificate.extensions}
    subject, issuer, key = certificate.subject, certificate.issuer, certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    own: Any = values.get(x509.SubjectKeyIdentifier)
    authority: Any = values.get(x509.AuthorityKeyIdentifier)
    names: Any = values.get(x509.SubjectAlternativeName, ())
    der = certificate.public_bytes(Encoding.DER)
    return (
        der,
        _common_name(subject),
        subject.rfc4514_string(),
        _common_name(issuer),
        issuer.rfc4514_string(),
        f"{certificate.serial_number:x}",
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        "self-signed" if subject == issuer else "ca-signed",
        "RSA" if isinstance(key, rsa.RSAPublicKey) else "EC",
        key.key_size,
        certificate.signature_algorithm_oid.dotted_string,
        sha256(der).hexdigest(),
        sha1(der, usedforsecurity=False).hexdigest(),
        own.digest.hex() if own else "",
        (authority.key_identifier or b"").hex() if authority else "",
        ", ".join(str(name.value) for name in names),
        sha256(subject.public_bytes()).hexdigest(),
        sha256(issuer.public_bytes()).hexdigest(),
    )


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[-1].value) if found else ""


def _subordinates() -> Iterator[bytes]:
    """Certificates of CAs, each with a name, number, time and EC key of its own."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(AUTHORITIES)]
    owns = [x509.SubjectKeyIdentifier.from_public_key(key.public_key()) for key in keys]
    names = [_name(f"Bench Root {number}") for number in range(AUTHORITIES)]
    now = datetime.now(UTC).replace(microsecond=0)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    number = 0
    while True:
        by, key = number % AUTHORITIES, ec.generate_private_key(ec.SECP256R1()).public_key()
        yield (
            x509.CertificateBuilder()
            .subject_name(_name(f"Bench CA {number:07}"))
            .issuer_name(names[by])
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1, seconds=number))
            .not_valid_after(now + timedelta(days=300, seconds=97 * number))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(owns[by]),
                critical=False,
            )
            .sign(keys[by], hashes.SHA256())
            .public_bytes(Encoding.DER)
        )
        number += 1


def _name(common: str) -> x509.Name:
    parts = {
        NameOID.COUNTRY_NAME: "DE",
        NameOID.ORGANIZATION_NAME: "Example",
        NameOID.COMMON_NAME: common,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])


def _pkcs7(ders: list[bytes]) -> bytes:
    """A ContentInfo with nothing but certificates (RFC 5652, 5.1)."""
    certificates = encode(0xA0, b"".join(ders))
    signed = encode(0x30, b"\x02\x01\x01\x31\x00" + _DATA + certificates + b"\x31\x00")
    return encode(0x30, _SIGNED_DATA + encode(0xA0, signed))
