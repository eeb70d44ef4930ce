"""Self-signed generation through the whole operation, against `openssl req -x509 -newkey`.

Both make a key of the same kind and a certificate with the same names. Ours also seals the key,
audits, opens notices and commits; openssl also starts a process and writes two files. What each
does beyond the other is timed apart, so that no ratio hides it. The two may use different versions
of the library, and a newer one finds primes faster; so the operation is also compared with the
making of its own key alone, which only the work around the key can make worse.
"""

import shutil
import subprocess
import sys
import tempfile
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from cryptography.hazmat.backends.openssl import backend
from django.utils import timezone

from benchmarks.environment import ADDRESS, HOST_NAME
from benchmarks.report import Cell, Table
from benchmarks.timing import Times, ratio_of_means
from certificates import jobs
from certificates.access import Actor
from certificates.models import JobState, Node, Purpose
from certificates.operations.generate import Generated, generate
from certificates.x509.keys import new_key
from certificates.x509.policy import DEFAULT_DAYS, KeyChoice

TARGET = 1.3  # times openssl's time, for RSA 3072
EC_REPETITIONS = 100
WARM_UPS = 2
ACTOR = Actor("benchmark")
_OPENSSL_KEYS = {
    KeyChoice.RSA_3072: ("rsa:3072",),
    KeyChoice.EC_P256: ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """The times of one kind of key; `rest[i]` is `operation[i]` without `key[i]`."""

    operation: Times = field(default_factory=Times)
    key: Times = field(default_factory=Times)
    deploy: Times = field(default_factory=Times)
    openssl: Times = field(default_factory=Times)
    start: Times = field(default_factory=Times)

    @property
    def rest(self) -> Times:
        pairs = zip(self.operation.values, self.key.values, strict=True)
        return Times([whole - key for whole, key in pairs])

    @property
    def deployed(self) -> Times:
        pairs = zip(self.operation.values, self.deploy.values, strict=True)
        return Times([whole + deploy for whole, deploy in pairs])

    @property
    def openssl_started(self) -> Times:
        """Without the mean cost of starting a process."""
        return Times([whole - self.start.mean for whole in self.openssl.values])


def measure(options: Namespace) -> list[Table]:
    openssl = shutil.which("openssl")
    if openssl is None:
        sys.exit("ccxsec: openssl is missing, the reference. Install it: apt-get install openssl")
    measured = {}
    counts = {KeyChoice.RSA_3072: options.repetitions, KeyChoice.EC_P256: EC_REPETITIONS}
    for choice, repetitions in counts.items():
        print(f"generate: {choice} {repetitions} times ...", file=sys.stderr)
        measured[choice] = _interleaved(openssl, choice, repetitions)
    return [_times(measured), _ratios(measured, _versions(openssl))]


def _interleaved(openssl: str, choice: KeyChoice, repetitions: int) -> Measured:
    """Each round does everything once; who begins changes from round to round."""
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="ccxsec-openssl-") as folder:
        for _ in range(WARM_UPS):
            _both(openssl, choice, Path(folder), Measured(), ours_first=True)
        for number in range(repetitions):
            _both(openssl, choice, Path(folder), measured, ours_first=number % 2 == 0)
    return measured


def _both(
    openssl: str, choice: KeyChoice, folder: Path, measured: Measured, *, ours_first: bool
) -> None:
    if ours_first:
        _ours(choice, measured)
    _theirs(openssl, choice, folder, measured)
    if not ours_first:
        _ours(choice, measured)


def _ours(choice: KeyChoice, measured: Measured) -> None:
    node = Node.objects.local()
    current = node.certificates.active().for_purpose(Purpose.TOMCAT).get()

    def timed_key(wanted: KeyChoice) -> Any:
        return measured.key.measure(lambda: new_key(wanted))

    def operation() -> Generated:
        return generate(
            node,
            Purpose.TOMCAT,
            key=choice,
            replacing=current.fingerprint,
            actor=ACTOR,
            now=timezone.now(),
        )

    with mock.patch("certificates.operations.generate.new_key", timed_key):
        done = measured.operation.measure(operation)
    assert done.job is not None, "a local node's certificate is deployed by a job"
    job = done.job.pk
    ended = measured.deploy.measure(lambda: jobs.run(job))
    assert ended, "nobody else has taken the deploy job"
    assert ended.state == JobState.DONE, f"the deploy job is {ended.state}"


def _theirs(openssl: str, choice: KeyChoice, folder: Path, measured: Measured) -> None:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = [openssl, "req", "-x509", "-newkey", *_OPENSSL_KEYS[choice], "-nodes", "-sha256"]
    command += ["-days", str(DEFAULT_DAYS), "-subj", f"/CN={HOST_NAME}"]
    command += ["-addext", f"subjectAltName=DNS:{HOST_NAME},IP:{ADDRESS}"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    measured.start.measure(lambda: _run([openssl, "version"]))
    measured.openssl.measure(lambda: _run(command))


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _times(measured: dict[KeyChoice, Measured]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for choice, of in measured.items():
        parts = {
            "the operation": of.operation,
            "  of that, the key": of.key,
            "  of that, the rest": of.rest,
            "the operation and its deploy job": of.deployed,
            "openssl req -x509": of.openssl,
            "openssl's process start": of.start,
        }
        label = _label(choice)
        rows += [(label, name, t.mean, t.median, t.least) for name, t in parts.items()]
    repetitions = ", ".join(f"{_label(c)} {len(m.operation.values)}" for c, m in measured.items())
    title = f"Self-signed generation: times (repetitions: {repetitions})"
    return Table(title, ("key", "work", "mean ms", "median ms", "least ms"), rows)


def _ratios(measured: dict[KeyChoice, Measured], versions: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for choice, of in measured.items():
        compared = {
            "operation : openssl": (of.operation, of.openssl),
            "operation : openssl without its start": (of.operation, of.openssl_started),
            "operation and deploy : openssl": (of.deployed, of.openssl),
        }
        if choice.is_rsa:  # a key on a curve costs next to nothing
            compared["operation : its key alone"] = of.operation, of.key
        for name, (ours, theirs) in compared.items():
            ratio = ratio_of_means(ours.values, theirs.values, paired=theirs is of.key)
            is_aimed_at = choice.is_rsa and ours is of.operation and theirs is not of.key
            cells = ratio.value, ratio.low, ratio.high, ours.median / theirs.median
            rows.append((_label(choice), name, *cells, TARGET if is_aimed_at else None))
    columns = ("key", "compared", "of means", "95% from", "95% to", "of medians", "target")
    return Table(f"Self-signed generation: ratios ({versions})", columns, rows)


def _label(choice: KeyChoice) -> str:
    return f"RSA {choice.bits}" if choice.is_rsa else f"EC P-{choice.bits}"


def _versions(openssl: str) -> str:
    theirs = subprocess.run([openssl, "version"], check=True, capture_output=True, text=True)
    ours = backend.openssl_version_text()
    return f"ours uses {_number(ours)}, the command is {_number(theirs.stdout)}"


def _number(version: str) -> str:
    return " ".join(version.split()[:2])
