"""The first version's certificates keep their keys on the way to the newest, and back (CM-8)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from ccxsec_project.management.commands.up import make_master_key
from certificates.models import Certificate, Event, Node, PrivateKey, Purpose, SigningRequest
from certificates.secrets import seal
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.name_digest import name_digests
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice
from certificates.x509.self_signed import self_signed
from tests.lab.changes import ACTOR, deploy, replace_certificate
from tests.lab.postgres import copy_of
from tests.lab.violations import key_violations
from tests.lab.worker import Worker

FIRST = [("certificates", "0001_initial")]
MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)
FORMER = 3  # superseded certificates of each purpose


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Worker]:
    """A worker on an empty database."""
    settings = {}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = copy_of(request.getfixturevalue("postgres"))
    with Worker(tmp_path / "data", **settings) as worker:
        yield worker


def test_every_certificate_keeps_its_own_key_there_and_back(fresh: Worker) -> None:
    before = fresh.ask(fill_first_version)
    assert len(before) == 2 * (FORMER + 1) + 1

    assert fresh.ask(go_to_newest) == before
    assert fresh.ask(wrong_in_newest) == []
    assert fresh.ask(go_back) == before
    assert fresh.ask(go_to_newest) == before
    assert fresh.ask(wrong_in_newest) == []
    assert fresh.ask(states_of_requests) == []  # a way back loses requests, and nothing else


def test_a_request_without_a_key_is_cancelled(fresh: Worker) -> None:
    fresh.ask(fill_first_version)
    fresh.ask(go_to_newest)

    assert fresh.ask(states_of_requests) == ["cancelled"]


def test_certificates_that_share_a_key_are_not_lost_on_the_way_back(fresh: Worker) -> None:
    fresh.ask(fill_first_version)
    fresh.ask(go_to_newest)
    renewed = fresh.ask(renew_with_the_same_key)

    assert fresh.ask(go_back) == renewed
    assert fresh.ask(go_to_newest) == renewed
    assert fresh.ask(wrong_in_newest) == []


def test_the_product_works_on_what_was_migrated(fresh: Worker) -> None:
    fresh.ask(fill_first_version)
    fresh.ask(go_to_newest)

    assert fresh.ask(regenerate_all) == []


# --- Run in the worker ---------------------------------------------------------------------------
def fill_first_version() -> list[str]:
    """The rows that the first version made; the fingerprints of the certificates."""
    make_master_key(is_new_database=True)
    call_command("migrate", "certificates", "0001", verbosity=0, interactive=False)
    node = _historical("Node").objects.create(host_name="ccx1.example.com", is_local=True)
    for purpose in Purpose.own():
        for number in range(FORMER + 1):
            _first_certificate(node, purpose, is_active=number == FORMER)
    trusted = _self_signed(new_key(KeyChoice.EC_P256), "trusted.example.com")
    _first_row(node, Purpose.TOMCAT_TRUST, trusted, is_active=True)
    facts = {"key_type": "RSA", "key_label": "RSA 2048", "pem": "none"}
    _historical("SigningRequest").objects.create(node=node, purpose="tomcat", **facts)
    return _fingerprints(_historical("Certificate"))


def _first_certificate(node: Any, purpose: Purpose, *, is_active: bool) -> None:
    key = new_key(KeyChoice.EC_P256)
    certificate = _first_row(node, purpose, _self_signed(key, node.host_name), is_active=is_active)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pk = uuid4()
    _historical("PrivateKey").objects.create(
        pk=pk,
        algorithm="EC",
        bits=key.key_size,
        public_key_fingerprint=sha256(public).hexdigest(),
        sealed=seal(plain, f"ccxsec|certificates_privatekey|{pk}|sealed".encode()),
        certificate=certificate,
    )


def _first_row(node: Any, purpose: Purpose, der: bytes, *, is_active: bool) -> Any:
    facts, model = read_facts(der), _historical("Certificate")
    names = {field.name for field in model._meta.get_fields()}
    columns = {name: getattr(facts, name) for name in facts.__slots__ if name in names}
    return model.objects.create(
        node=node,
        purpose=purpose.value,
        is_own=purpose.is_own,
        state="active" if is_active else "superseded",
        file_name=f"{purpose}.pem",
        **columns | {"undecoded": list(facts.undecoded)},
    )


def _self_signed(key: Any, host_name: str) -> bytes:
    subject = Subject(common_name=host_name).to_x509()
    return self_signed(key, subject=subject, names=[], days=3650, now=MADE)


def _historical(name: str) -> Any:
    """A model as it was in the first version."""
    return _first_version().get_model("certificates", name)


@cache
def _first_version() -> Any:
    return MigrationExecutor(connection).loader.project_state(FIRST).apps


def _fingerprints(model: Any) -> list[str]:
    return list(model.objects.order_by("pk").values_list("fingerprint", flat=True))


def go_to_newest() -> list[str]:
    call_command("migrate", verbosity=0, interactive=False)
    return _fingerprints(Certificate)


def go_back() -> list[str]:
    call_command("migrate", "certificates", "0001", verbosity=0, interactive=False)
    return _fingerprints(_historical("Certificate"))


def wrong_in_newest() -> list[str]:
    """What is wrong with keys, digests and times of the newest version."""
    wrong = list(key_violations())
    for row in Certificate.objects.all():
        if (row.subject_digest, row.issuer_digest) != name_digests(bytes(row.der)):
            wrong.append(f"digests: certificate {row.pk}")
        if (row.superseded_at is None) != (row.state == "active"):
            wrong.append(f"superseded_at: certificate {row.pk}")
    keys, own = PrivateKey.objects.count(), Certificate.objects.own()
    if keys != own.values("private_key").distinct().count():
        wrong.append(f"{keys} keys")
    return wrong


def states_of_requests() -> list[str]:
    return list(SigningRequest.objects.values_list("state", flat=True))


def renew_with_the_same_key() -> list[str]:
    """As the upload of a renewed certificate does it."""
    node = Node.objects.local()
    former = node.certificates.active().for_purpose(Purpose.TOMCAT).get()
    key = former.private_key
    assert key
    former.supersede(timezone.now())
    with transaction.atomic():
        plain = former.unseal_key(actor="lab", reason="renew")
    facts = read_facts(_self_signed(plain, node.host_name))
    Certificate.objects.create_own(node, Purpose.TOMCAT, facts, "renewed", key)
    return _fingerprints(Certificate)


def regenerate_all() -> list[str]:
    """What is wrong after each own certificate was replaced and deployed."""
    node = Node.objects.local()
    for purpose in Purpose.own():
        active = node.certificates.active().for_purpose(purpose).get()
        deploy(replace_certificate(active.fingerprint, purpose).job)
    told = Event.objects.filter(action="certificate:generate", actor=str(ACTOR)).count()
    return [*key_violations(), *([] if told == 2 else [f"{told} events"])]
