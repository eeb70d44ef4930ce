"""`./ccxsec doctor` finds each kind of violation, and nothing where there is none."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ccxsec_project.doctor import findings
from certificates.access import Actor
from certificates.models import Certificate, Job, JobState, Node, Purpose
from certificates.operations import generate, request_certificate
from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
from certificates.operations.doctor import Asked
from certificates.operations.doctor.finding import MOST_NAMED
from certificates.operations.monitoring.run import run_monitor
from certificates.x509.policy import KeyChoice
from ipsec.operations import add_policy
from tests.commanding import Commanding
from tests.ipsec.definitions import WEB
from tests.reliability.planting import PLANTS, job, own

DOCTOR = Commanding("doctor")
CHANGES = ("INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER")


@pytest.fixture
def whole(node: Node, actor: Actor, django_capture_on_commit_callbacks: Callable[..., Any]) -> Node:
    """An installation with some of everything, at rest."""
    now = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        generate(
            node,
            Purpose.TOMCAT,
            key=KeyChoice.EC_P256,
            replacing=own().fingerprint,
            actor=actor,
            now=now,
        )
        request_certificate(
            node,
            Purpose.TOMCAT,
            key=KeyChoice.RSA_1024,
            confirmed=["confirm.legacy"],
            actor=actor,
            now=now,
        )
        add_policy(WEB, preshared_key="a-good-key-1234", enabled=False, confirmed=(), actor=actor)
        deploy_what_is_out_of_date(actor=actor, now=now)
        run_monitor(now=now)
        Job.objects.update(state="done", ended_at=now)
    return node


# The database's own rules stand before these; SQLite alone can be broken so, outside a transaction.
NOT_PLANTED = {"key.missing", "certificate.unreadable", "database.file", "database.reference"}
NOT_PLANTED |= {"doctor.stopped"}


def codes() -> set[str]:
    return {one.code for one in findings(Asked(timezone.now(), settled=True))}


def state_of(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def test_finds_nothing_where_nothing_is_wrong_and_changes_nothing(
    whole: Node, tmp_path: Path
) -> None:
    before = state_of(tmp_path)
    with CaptureQueriesContext(connection) as asked:
        found = list(findings(Asked(timezone.now(), settled=True)))

    assert found == []
    assert [q["sql"] for q in asked if q["sql"].startswith(CHANGES)] == []
    assert state_of(tmp_path) == before
    assert DOCTOR.run("--settled")["findings"] == []
    assert "nothing was found" in DOCTOR.printed()[0]


def test_finds_each_kind_of_violation(
    whole: Node, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """Its control: what is planted is found, by its own code."""
    store, anchor = tmp_path / "store", tmp_path / "audit.anchor"
    shutil.copytree(store, tmp_path / "kept", symlinks=True)
    anchored = anchor.read_bytes()
    for planted, plant in PLANTS.items():
        with subtests.test(planted), transaction.atomic():
            plant()
            found = codes()
            transaction.set_rollback(True)
            assert planted.split()[0] in found
        shutil.rmtree(store)
        shutil.copytree(tmp_path / "kept", store, symlinks=True)
        anchor.write_bytes(anchored)
    assert codes() == set()


def test_every_code_is_planted() -> None:
    """A check that nobody has seen find anything is none."""
    source = Path(__file__).resolve().parents[2]
    texts = [
        path.read_text()
        for path in (
            *source.glob("certificates/operations/doctor/*.py"),
            *source.glob("*/operations/doctor.py"),
        )
    ]
    planted = {name.split()[0] for name in PLANTS}
    told = {code for text in texts for code in re.findall(r'"([a-z]+\.[a-z-]+)"', text)}
    assert told - planted == NOT_PLANTED


def test_what_is_under_way_is_no_finding_unless_all_should_be_at_rest(whole: Node) -> None:
    job(JobState.RUNNING, leased_until=timezone.now())
    Job.objects.create(kind="deploy", target="x", started_by="test")

    assert list(findings(Asked(timezone.now()))) == []
    assert codes() == {"job.abandoned", "job.waiting"}


def test_a_broken_table_is_not_told_row_by_row(whole: Node) -> None:
    many = MOST_NAMED + 5
    for _ in range(many):
        job(JobState.QUEUED)

    found = [one for one in findings(Asked(timezone.now())) if one.code == "job.waiting"]

    assert len(found) == MOST_NAMED + 1
    assert found[-1].sentence == "The same is true of 5 others."


def test_the_command_names_each_finding_with_its_cure(whole: Node) -> None:
    Certificate.objects.filter(pk=own().pk).update(fingerprint="0" * 64)

    said, answer = DOCTOR.refused_with("--settled")

    assert "findings: each says what to do" in said
    told = {one["code"]: one for one in answer["findings"]}
    assert "tomcat.pem" in told["certificate.changed"]["sentence"]
    assert all(one["cure"].endswith(".") for one in answer["findings"])
