"""Installing an upload through the whole operation, and a folder of trust certificates.

The reference is `cryptography` alone, which parses the same file and touches the same fields: what
any product must do. Ours reads strictly before that, judges key, names, usages and path, writes
the rows, the audit and the notices, and commits.
"""

import io
import os
import sys
import tempfile
import time
from argparse import Namespace
from datetime import timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.core.management import call_command
from django.utils import timezone

from benchmarks.report import Table
from benchmarks.timing import Times
from certificates.access import Actor
from certificates.models import Node, Purpose
from certificates.operations.examination import WARNINGS
from certificates.operations.request import EVERYTHING, pending_for, request_certificate
from certificates.operations.upload import examine, install_upload
from certificates.x509.policy import KeyChoice
from certificates.x509.reading import read_upload

FILES = 10_000  # trust certificates in the folder
INSTALLED = 30  # answers that are installed
ACTOR = Actor("benchmark")


class BenchAuthority:
    """Signs with one key, so that making the material costs little."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bench Root")])
        self.root = self._sign(self._name, self._key.public_key(), is_ca=True)

    def answer(self, request: str) -> bytes:
        asked = x509.load_pem_x509_csr(request.encode())
        key = asked.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        return self._sign(asked.subject, key, is_ca=False).public_bytes(Encoding.PEM)

    def subordinate(self, number: int) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Bench CA {number}")])
        made = self._sign(name, self._key.public_key(), is_ca=True)
        return made.public_bytes(Encoding.PEM)

    def _sign(self, subject: x509.Name, key: rsa.RSAPublicKey, *, is_ca: bool) -> x509.Certificate:
        now = timezone.now()
        usage = x509.KeyUsage(not is_ca, False, not is_ca, False, False, is_ca, is_ca, False, False)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=300))
            .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def measure(options: Namespace) -> list[Table]:
    authority = BenchAuthority()
    return [_installing(authority), _importing(authority)]


def _installing(authority: BenchAuthority) -> Table:
    node, now = Node.objects.local(), timezone.now()
    root = authority.root.public_bytes(Encoding.PEM)
    _install(node, Purpose.TOMCAT_TRUST, root)
    dry, whole, bare = Times(), Times(), Times()
    for _ in range(INSTALLED):
        pending = [row.pk for row in pending_for([node], Purpose.TOMCAT)]
        request = request_certificate(
            node,
            Purpose.TOMCAT,
            key=KeyChoice.RSA_2048,
            replacing=pending,
            confirmed=EVERYTHING,
            actor=ACTOR,
            now=now,
        ).request
        answer = authority.answer(request.pem)
        bare.measure(partial(_parse, answer))
        dry.measure(partial(examine, node, Purpose.TOMCAT, answer, now=timezone.now()))
        whole.measure(partial(_install, node, Purpose.TOMCAT, answer))
    rows = [("bare parsing", bare), ("dry run", dry), ("dry run and installation", whole)]
    return Table(
        f"Installing an answer of a CA, {INSTALLED} times",
        ("what", "median ms", "times bare parsing"),
        [(name, times.median, times.median / bare.median) for name, times in rows],
    )


def _install(node: Node, purpose: Purpose, data: bytes) -> None:
    now = timezone.now()
    shown = examine(node, purpose, data, now=now).shown
    install_upload(node, purpose, data, shown=shown, confirmed=[WARNINGS], actor=ACTOR, now=now)


def _parse(pem: bytes) -> None:
    """Every field that a row of ours has."""
    loaded = x509.load_pem_x509_certificate(pem)
    _ = (
        loaded.subject.rfc4514_string(),
        loaded.issuer.rfc4514_string(),
        loaded.serial_number,
        loaded.not_valid_before_utc,
        loaded.not_valid_after_utc,
        loaded.public_key(),
        loaded.signature_hash_algorithm,
        list(loaded.extensions),
        loaded.fingerprint(hashes.SHA256()),
    )


def _importing(authority: BenchAuthority) -> Table:
    print(f"upload: making {FILES:,} certificates ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(FILES):
            (Path(folder) / f"{number:05}.pem").write_bytes(authority.subordinate(number))
        began = time.perf_counter()
        for path in sorted(Path(folder).iterdir()):
            _parse(path.read_bytes())
        bare = time.perf_counter() - began
        began = time.perf_counter()
        for path in sorted(Path(folder).iterdir()):
            read_upload(path.read_bytes())
        seconds = {"strict reading": time.perf_counter() - began}
        for words, name in ((["--dry-run"], "dry run"), ([], "import")):
            began = time.perf_counter()
            out = io.StringIO()
            call_command("cert", "import", "ipsec-trust", folder, *words, stdout=out)
            seconds[name] = time.perf_counter() - began
    return Table(
        f"`cert import ipsec-trust FOLDER`, {FILES:,} files of one certificate, "
        f"{os.cpu_count()} cores (parsing and reading: one)",
        ("what", "certificates a second", "times bare parsing"),
        [
            (name, FILES / taken, taken / bare)
            for name, taken in {"bare parsing": bare, **seconds}.items()
        ],
    )
