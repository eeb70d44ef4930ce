"""A whole export and a whole import of 5,000 certificates, against `sftp` moving the same.

`sftp` moves the certificates as 5,000 files, or the archive that holds them, and does nothing else.
Ours makes the archive, signs and publishes it, and looks what is there; or it fetches and verifies
what was consolidated, judges each certificate and writes it into the trust store. All go to the
same sshd on loopback.
"""

import gc
import sys
import tempfile
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

from benchmarks.environment import HOST_NAME
from benchmarks.report import Cell, Table
from benchmarks.timing import Times
from benchmarks.transfer import MEMORY_TARGET, Bench, has_sftp, peak_mib
from bulk.exchange.export import Item, ItemRole
from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import ExportName, read_name
from bulk.models import Plan
from bulk.operations import (
    confirm_cluster,
    request_consolidate,
    request_export,
    request_import,
    request_look,
    save_server,
)
from bulk.operations.content import Exporting
from certificates import jobs
from certificates.access import Actor
from certificates.models import Certificate, Job, JobState, Purpose, Service
from certificates.x509.signing import Signer
from tests.bulk.transferring import exchange
from tests.lab.exchange.forging import STRANGER, forged, many, self_signed

COUNT, ROUNDS = 5000, 3
TARGET = 1.5  # times `sftp` with the same certificates as files
ACTOR = Actor("benchmark")
OTHER_ID = "7d1f9f0a-52f1-4f51-8c3e-3f1b7a6a2c11"
COLUMNS = ("work", "s, median", "s, least", "times sftp, files", "times sftp, archive", "target")


def measure(_options: Namespace) -> list[Table]:
    """A table of times, and one of the memory of the process that did the work."""
    if not has_sftp():
        return [Table("The exchange was not measured: sftp or sshd is missing", ("work",), [])]
    with exchange() as place, tempfile.TemporaryDirectory() as folder:
        print(f"exchange: making {COUNT:,} certificates ...", file=sys.stderr)
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:  # ends with its memory
            archive = pool.submit(_make, Path(folder)).result()
        bench = Bench(place, Path(folder))
        _save(bench)
        for number in range(ROUNDS):
            print(f"exchange: round {number + 1} of {ROUNDS} ...", file=sys.stderr)
            _round(bench, archive)
    memory = (peak_mib(), MEMORY_TARGET)
    title = f"Export and import of {COUNT:,} certificates, {ROUNDS} rounds in turns"
    return [
        Table(title, COLUMNS, _rows(bench.times)),
        Table("Memory of the process, with Django", ("peak, MiB", "target"), [memory]),
    ]


def _make(folder: Path) -> str:
    """The certificates as files, and another cluster's export of them; its name."""
    (folder / "files").mkdir()
    (folder / "came").mkdir()
    pems = many(COUNT)
    for number, pem in enumerate(pems):
        (folder / "files" / f"{number:04}.pem").write_bytes(pem)
    signers = [Signer("tomcat", self_signed(STRANGER, "ccx1.example.org"), STRANGER)]
    name, content = forged(OTHER_ID, signers, pems, number=1, name="Graz")
    (folder / name).write_bytes(content)
    return name


def _save(bench: Bench) -> None:
    """This installation exchanges through the server; the other cluster's key is compared."""
    server = bench.place.server
    save_server(
        host="127.0.0.1",
        port=server.port,
        user=server.user,
        directory=str(bench.place.directory),
        private_key=server.key,
        host_key=server.fingerprint,
        actor=ACTOR,
    )


def _round(bench: Bench, archive: str) -> None:
    """Everything once, from an empty directory and an empty trust store."""
    bench.clear()
    Certificate.objects.for_purpose(Purpose.TOMCAT_TRUST).delete()
    bench.measure("put files", partial(bench.sftp, "put files/*"))
    bench.measure("get files", partial(bench.sftp, "lcd came", "get *.pem"))
    bench.clear()
    bench.measure("put archive", partial(bench.sftp, f"put {archive}"))
    bench.measure("get archive", partial(bench.sftp, "lcd came", f"get {archive}"))
    bench.place.give(bench.place.directory / archive)
    gc.collect()
    items = tuple(
        Item(path.read_bytes(), ItemRole.IDENTITY, (HOST_NAME,))
        for path in sorted((bench.folder / "files").iterdir())
    )
    planned = Exporting(Service.TOMCAT, items, ())
    with patch("bulk.operations.export.planned_export", return_value=planned):
        bench.measure("export", lambda: _done(request_export("tomcat", actor=ACTOR)))
    del items, planned
    _done(request_consolidate(actor=ACTOR))
    confirm_cluster(OTHER_ID, fingerprint=key_fingerprint(STRANGER.public_key()), actor=ACTOR)
    bench.measure("look", lambda: _done(request_look(actor=ACTOR)))
    bench.measure("import", _import)
    assert Certificate.objects.for_purpose(Purpose.TOMCAT_TRUST).count() == COUNT
    assert any(isinstance(read_name(name), ExportName) for name in bench.place.names)


def _import() -> None:
    plan = Plan.objects.latest("pk")
    _done(request_import(plan, shown=plan.digest, actor=ACTOR))


def _done(job: Job) -> None:
    ended = jobs.run(job.pk)
    if ended is None or ended.state != JobState.DONE:
        raise RuntimeError(f"the run failed: {ended.messages if ended else ''}")


def _rows(times: dict[str, Times]) -> list[tuple[Cell, ...]]:
    both = [sum(pair) for pair in zip(times["look"].values, times["import"].values, strict=True)]
    whole = times | {"look and import": Times(both)}
    compared = [
        ("sftp: put 5,000 files", "put files", ""),
        ("sftp: put the archive", "put archive", ""),
        ("export", "export", "put"),
        ("sftp: get 5,000 files", "get files", ""),
        ("sftp: get the archive", "get archive", ""),
        ("look", "look", "get"),
        ("import", "import", ""),
        ("look and import", "look and import", "get"),
    ]
    return [
        (
            shown,
            whole[name].median / 1000,
            whole[name].least / 1000,
            whole[name].median / whole[f"{to} files"].median if to else None,
            whole[name].median / whole[f"{to} archive"].median if to else None,
            TARGET if to else None,
        )
        for shown, name, to in compared
    ]
