"""Paths against a pool of 10,000 intermediates, against the bare verifier with the path at hand.

The reference is the verifier of `cryptography` (Rust), which is given one trust anchor and the one
intermediate that it needs; it checks two signatures, as the search does. What the search does
beyond: it finds that intermediate among all others, checks what the verifier lacks, has OpenSSL
judge the path once more, and would say what is wrong.
"""

import sys
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
)

from benchmarks.report import Cell, Table
from benchmarks.timing import Times, ratio_of_means
from certificates.x509.chain import PathVerdict, Pool

INTERMEDIATES = 10_000
REPETITIONS = 300
POOLS = 5
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def measure(options: Namespace) -> list[Table]:
    print(f"find_path: making {INTERMEDIATES:,} intermediates ...", file=sys.stderr)
    key = rsa.generate_private_key(65537, 2048)
    root = _certificate("Root", "Root", key, ca=True)
    others = [_certificate(f"Sub {n}", "Root", key, ca=True) for n in range(INTERMEDIATES)]
    sub = others[INTERMEDIATES // 2]
    leaf = _certificate("ccx1.example.com", "Sub 5000", key, ca=None)
    lost = _certificate("ccx2.example.com", "Gone", key, ca=None)
    pool_of = partial(Pool, anchors=[_der(root)], intermediates=[_der(other) for other in others])
    building, found, missing, bare = Times(), Times(), Times(), Times()
    pool = pool_of()
    for _ in range(POOLS):
        pool = building.measure(pool_of)
    assert not _ask(pool, lost).trusted, "nothing leads up; the other spellings are known now"
    for _ in range(REPETITIONS):
        verdict = found.measure(lambda: _ask(pool, leaf))
        assert verdict.trusted, verdict.findings
        missing.measure(lambda: _ask(pool, lost))
        bare.measure(lambda: _verify(root, sub, leaf))
    work = {
        f"Pool of {INTERMEDIATES:,}": building,
        "find_path, found": found,
        "find_path, issuer missing": missing,
        "cryptography's verifier, path at hand": bare,
    }
    rows: list[tuple[Cell, ...]] = [(n, t.mean, t.median, t.least) for n, t in work.items()]
    ratio = ratio_of_means(found.values, bare.values, paired=True)
    cells = ("find_path, found : verifier", ratio.value, ratio.low, ratio.high)
    return [
        Table("Paths: times", ("work", "mean ms", "median ms", "least ms"), rows),
        Table("Paths: ratio", ("compared", "of means", "95% from", "95% to"), [cells]),
    ]


def _ask(pool: Pool, leaf: x509.Certificate) -> PathVerdict:
    return pool.find_path(_der(leaf), at=NOW, usage="server")


def _verify(root: x509.Certificate, sub: x509.Certificate, leaf: x509.Certificate) -> None:
    """As a private PKI needs it: basic constraints of CAs, and nothing else is demanded."""
    issuers = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.AGNOSTIC, None
    )
    builder = PolicyBuilder().time(NOW).store(Store([x509.load_der_x509_certificate(_der(root))]))
    builder = builder.extension_policies(ee_policy=ExtensionPolicy.permit_all(), ca_policy=issuers)
    parsed = [x509.load_der_x509_certificate(_der(each)) for each in (leaf, sub)]
    builder.build_client_verifier().verify(parsed[0], parsed[1:])


def _certificate(
    subject: str, issuer: str, key: rsa.RSAPrivateKey, *, ca: bool | None
) -> x509.Certificate:
    """All with one key: how many keys there are does not matter, how many names does."""
    builder = x509.CertificateBuilder(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
        key.public_key(),
        x509.random_serial_number(),
        NOW - timedelta(days=10),
        NOW + timedelta(days=10),
    )
    identifier: Any = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, hashes.SHA256())


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
