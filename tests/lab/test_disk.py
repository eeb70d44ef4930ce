"""A full disk, or a read-only one: a job that ends with a sentence, and a version that serves."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from certificates import jobs
from certificates.access import Actor
from certificates.models import Deployment, Job, Node, Service
from certificates.operations import deploy
from certificates.web_server import tls_context
from tests.certificates.test_deploy import regenerate

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root"),
]


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    options = "size=256k,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(node: Node, actor: Actor, settings: Settings) -> Iterator[Path]:
    """The local store on a small disk of its own, version 1 in force."""
    with small_disk(Path(settings.CCXSEC_STORE)) as folder:
        deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())
        yield folder


def run_deploy() -> tuple[str, str]:
    """The queued deploy of tomcat, as the worker does it: its state, and its last message."""
    row = Job.objects.get(kind="deploy", state="queued", target__startswith="tomcat")
    done = jobs.run(row.pk)
    assert done
    return done.state, done.messages[-1]


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            return filler


def test_a_full_disk(node: Node, actor: Actor, disk: Path) -> None:
    Job.objects.all().delete()
    regenerate(node, actor)
    filler = fill(disk)

    state, said = run_deploy()

    assert state == "failed"
    assert "its disk is full" in said
    assert "the former version is still in force" in said
    assert (disk / "tomcat" / "current").readlink().name == "1"
    assert tls_context(disk / "tomcat" / "current")
    assert said in Deployment.objects.get(service="tomcat").trouble
    filler.unlink()
    assert "as version 2" in deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())
    assert Deployment.objects.get(service="tomcat").trouble == ""


def test_a_read_only_disk(node: Node, actor: Actor, disk: Path) -> None:
    Job.objects.all().delete()
    regenerate(node, actor)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

    state, said = run_deploy()

    assert state == "failed"
    assert "Read-only file system" in said
    assert tls_context(disk / "tomcat" / "current")


def test_one_store_that_fails_leaves_the_rest_of_the_queue_unharmed(
    node: Node, actor: Actor, disk: Path
) -> None:
    Deployment.objects.filter(service="ipsec").update(in_force=0)
    (disk / "tomcat" / "versions" / ".new-x").write_text("")
    regenerate(node, actor)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    first = run_deploy()
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)

    others = [jobs.run(row.pk) for row in Job.objects.filter(state="queued")]

    assert first[0] == "failed"
    assert {done.state for done in others if done} == {"done"}
