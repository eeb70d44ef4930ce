"""A trust store with very many certificates: every row holds a real one, and differs in the rest.

A few hundred real certificates are made; a row takes one of them and varies what the list finds
and sorts by. So the DER of a row is real and of a real size, but not the one of its fingerprint.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from itertools import islice
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certificates.models import Certificate, Node, Purpose, Role
from certificates.models.certificate import columns
from certificates.x509.facts import read_facts

REAL, AUTHORITIES, KEYS = 200, 10, 8  # certificates, their issuers, and the keys they share
NODES = 8  # of a cluster; each one trusts its part
RARE, RARE_ROWS, COMMON = "quetzal", 10, "server"  # COMMON is in every second row
SPREAD = 2000  # days from the first expiry to the last
EXPIRED = 200  # of these days lie in the past
BATCH = 5000


def fill(count: int, now: datetime) -> None:
    """Add `count` trust certificates to the list."""
    local = Node.objects.local()
    others = [Node(host_name=f"sub{i}.example.com", role=Role.SUBSCRIBER) for i in range(1, NODES)]
    nodes = [local, *Node.objects.bulk_create(others)]
    rows = _rows(count, nodes, now)
    while batch := list(islice(rows, BATCH)):
        Certificate.objects.bulk_create(batch)


def common_name(number: int, count: int) -> str:
    """In no order, as rows come; the parts that are searched for stand in its middle."""
    word = COMMON if number % 2 else "gateway"
    if number % (count // RARE_ROWS) == count // RARE_ROWS // 2:
        word = RARE
    return f"{_digest(number)[:8]}-{word}-{number}.site{number % 50}.example.com"


def _digest(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def _rows(count: int, nodes: list[Node], now: datetime) -> Iterator[Certificate]:
    trusts = [purpose for purpose in Purpose if not purpose.is_own]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    real = [columns(read_facts(der)) for der in _real_certificates(midnight)]
    for number in range(count):
        digest, name = _digest(number), common_name(number, count)
        days = int(digest[:8], 16) % SPREAD - EXPIRED
        varied: dict[str, Any] = {
            "common_name": name,
            "subject": f"CN={name},O=Example",
            "serial_number": digest[24:56].lstrip("0"),
            "fingerprint": digest,
            "fingerprint_sha1": sha1(digest.encode()).hexdigest(),
            "subject_key_identifier": digest[:40],
            "subject_digest": digest[::-1],
            "not_after": midnight + timedelta(days=days, seconds=number % 86_400),
        }
        yield Certificate(
            node=nodes[number % len(nodes)],
            purpose=trusts[number // len(nodes) % len(trusts)].value,
            is_own=False,
            file_name=f"{name}.pem",
            description=f"Trusted by team {number % 97}",
            **real[number % len(real)] | varied,
        )


def _real_certificates(now: datetime) -> Iterator[bytes]:
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(KEYS)]
    for number in range(REAL):
        authority = number % AUTHORITIES
        issuer = _name(f"Example CA {authority}")
        subject = issuer if number < AUTHORITIES else _name(f"real{number}.example.com")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(keys[(authority if number < AUTHORITIES else number) % KEYS].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=SPREAD))
            .not_valid_after(now + timedelta(days=SPREAD))
            .add_extension(x509.BasicConstraints(number < AUTHORITIES, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.com")]), False)
            .sign(keys[authority % KEYS], hashes.SHA256())
        )
        yield certificate.public_bytes(Encoding.DER)


def _name(common: str) -> x509.Name:
    parts = {NameOID.ORGANIZATION_NAME: "Example", NameOID.COMMON_NAME: common}
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts.items()])
