"""What a node's store holds after an upload: chain and trust store (DESIGN, rule 5)."""

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Node, Purpose, Service
from certificates.operations.deploy import deploy
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, Put, active


@pytest.fixture
def store(node: Node, actor: Actor) -> Path:
    return Path(settings.CCXSEC_STORE) / "tomcat" / "current"


def put_in_force(node: Node, actor: Actor) -> None:
    deploy(node, Service.TOMCAT, actor=actor, now=timezone.now())


@pytest.mark.spec("CM-23")
def test_the_server_sends_its_issuers_without_the_root(
    node: Node, actor: Actor, ask: Ask, put: Put, ca: Authority, store: Path
) -> None:
    put(ca.pkcs7(ca.sign(ask().pem), ca.root, ca.sub))
    put_in_force(node, actor)

    sub = ca.run("x509", given=ca.sub)
    assert (store / "chain.pem").read_bytes() == sub
    assert (store / "fullchain.pem").read_bytes() == active(node).pem + sub
    trust = (store / "trust.pem").read_bytes()
    assert trust.count(b"BEGIN CERTIFICATE") == 2
    path = ["verify", "-CAfile", "root.pem", "-untrusted", str(store / "chain.pem")]
    assert ca.run(*path, str(store / "cert.pem")).endswith(b"OK\n")


def test_a_chain_ends_where_the_store_ends(
    node: Node, actor: Actor, ask: Ask, put: Put, ca: Authority, store: Path
) -> None:
    put(ca.sub, "tomcat-trust")
    put(ca.sign(ask().pem))
    put_in_force(node, actor)

    assert (store / "chain.pem").read_bytes() == ca.run("x509", given=ca.sub)


def test_a_self_signed_certificate_has_no_chain(node: Node, actor: Actor, store: Path) -> None:
    put_in_force(node, actor)

    assert (store / "chain.pem").read_bytes() == b""
    assert (store / "trust.pem").read_bytes() == b""


def test_a_change_of_the_trust_store_alone_is_deployed(
    node: Node, actor: Actor, put: Put, ca: Authority, store: Path
) -> None:
    put_in_force(node, actor)
    put(ca.root, Purpose.TOMCAT_TRUST)
    put_in_force(node, actor)

    assert (store / "trust.pem").read_bytes() == ca.run("x509", given=ca.root)
    assert store.readlink().name == "2"
