"""Deploying a node with a large trust store, against a plain copy of the same bytes.

The reference is `shutil.copytree` of the version that was written, without a sync: what any way to
put these bytes there must do at least. Ours reads the rows, makes the two key stores for Java,
writes and syncs each file, and switches; a second time it reads what is there and compares.
"""

import shutil
import tempfile
from argparse import Namespace
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from benchmarks.report import Table
from benchmarks.timing import Times
from benchmarks.upload import BenchAuthority
from certificates.access import Actor
from certificates.models import Deployment, Node, Purpose, Service
from certificates.operations import deploy
from certificates.operations.deploy import folder_of
from certificates.operations.import_many import import_trusted

TRUSTED = 5_000  # certificates in the trust store
ROUNDS = 5
ACTOR = Actor("benchmark")


def measure(options: Namespace) -> list[Table]:
    """Deploy again and again, changed and unchanged; copy what was written as often."""
    node, authority = Node.objects.local(), BenchAuthority()
    files = [(f"{number}.pem", authority.subordinate(number)) for number in range(TRUSTED)]
    files.append(("root.pem", authority.root.public_bytes(Encoding.PEM)))
    now = timezone.now()
    list(import_trusted(node, Purpose.TOMCAT_TRUST, files, actor=ACTOR, now=now))
    changed, unchanged, copied = Times(), Times(), Times()
    with tempfile.TemporaryDirectory(dir=folder_of(Service.TOMCAT).parent.parent) as spare:
        for number in range(ROUNDS):
            rows = Deployment.objects.filter(node=node, service=Service.TOMCAT.value)
            rows.update(generation=1000 + number)
            changed.measure(_put)
            unchanged.measure(_put)
            current = (folder_of(Service.TOMCAT) / "current").resolve()
            copied.measure(partial(shutil.copytree, current, Path(spare) / str(number)))
    written = sum(path.stat().st_size for path in current.iterdir())
    rows_of_table = [
        (what, times.median, times.median / copied.median)
        for what, times in (
            ("plain copy of the same bytes", copied),
            ("deploy, changed", changed),
            ("deploy, unchanged", unchanged),
        )
    ]
    title = f"Deploy of {TRUSTED:,} trust certificates, {written:,} bytes in"
    title += f" {len(list(current.iterdir()))} files"
    return [Table(title, ("work", "ms, median", "ratio to the copy"), list(rows_of_table))]


def _put() -> str:
    node = Node.objects.local()
    return deploy(node, Service.TOMCAT, actor=ACTOR, now=timezone.now())
