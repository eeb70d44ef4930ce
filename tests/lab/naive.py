"""The same changes without any care: a harness that finds nothing wrong with them is worth nothing.

Each row is in a transaction of its own, then the files are written over the old ones, one by one.
"""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from django.db import transaction
from django.utils import timezone

from certificates.models import (
    Action,
    Certificate,
    Event,
    Node,
    PrivateKey,
    Purpose,
    RequestState,
    Service,
    SigningRequest,
)
from certificates.operations.deploy import store_of
from certificates.operations.generate import suggestions
from certificates.secrets import place, unseal
from certificates.x509.csr import RequestHash, read_request, signing_request
from certificates.x509.facts import read_facts
from certificates.x509.keys import new_key
from certificates.x509.names import alternative_names
from certificates.x509.policy import KeyChoice
from certificates.x509.reading import read_upload
from certificates.x509.self_signed import self_signed
from tests.lab.worker import say


def regenerate(_: None) -> None:
    node = Node.objects.local()
    _supersede(node)  # before: the database itself refuses a second active one
    subject, names = suggestions(node)
    key, now = new_key(KeyChoice.EC_P256), timezone.now()
    alternatives = alternative_names(names)
    der = self_signed(key, subject=subject.to_x509(), names=alternatives, days=30, now=now)
    at_hand = PrivateKey.objects.all()[0]  # the database refuses a certificate without a key
    certificate = Certificate.objects.create_own(
        node, Purpose.TOMCAT, read_facts(der), "naive", at_hand
    )
    certificate.private_key = PrivateKey.objects.seal(key)
    certificate.save(update_fields=["private_key"])
    _tell(Action.CERTIFICATE_GENERATE, certificate)
    say({"step": "generated", "fingerprint": certificate.fingerprint})
    _write(certificate)


def request(_: None) -> None:
    node, now = Node.objects.local(), timezone.now()
    for former in SigningRequest.objects.pending():
        former.close(RequestState.SUPERSEDED, by="naive", now=now)
    subject, names = suggestions(node)
    key = new_key(KeyChoice.RSA_1024)
    assert isinstance(key, rsa.RSAPrivateKey)
    asked = alternative_names(names)
    pem = signing_request(
        key, subject=subject.to_x509(), names=asked, signed_with=RequestHash.SHA256
    )
    facts = read_request(pem)
    row = SigningRequest(
        node=node,
        purpose=Purpose.TOMCAT.value,
        key_type=facts.key_type,
        key_label=facts.key_label,
        public_key_fingerprint=facts.public_key_fingerprint,
        pem=pem.decode(),
        private_key=PrivateKey.objects.seal(key),
    )
    row.save()
    row.nodes.set([node])
    _tell(Action.REQUEST_GENERATE, row)
    say({"step": "requested", "fingerprint": row.public_key_fingerprint})


def install_answer(answer: bytes) -> None:
    node, pending = Node.objects.local(), SigningRequest.objects.pending().get()
    identity, *issuers = sorted(read_upload(answer).certificates, key=lambda read: read.is_ca)
    for issuer in issuers:
        [added] = Certificate.objects.create_trust(
            node, Purpose.TOMCAT_TRUST, [issuer.facts], "naive"
        )
        _tell(Action.TRUST_ADD, added)
    _supersede(node)
    key = pending.private_key
    assert key
    certificate = Certificate.objects.create_own(node, Purpose.TOMCAT, identity.facts, "naive", key)
    _tell(Action.CERTIFICATE_INSTALL, certificate)
    pending.certificate = certificate
    pending.close(RequestState.CONSUMED, by="naive", now=timezone.now())
    say({"step": "installed", "fingerprint": certificate.fingerprint})
    _write(certificate)


def roll_back(_: None) -> None:
    node = Node.objects.local()
    former = node.certificates.former().for_purpose(Purpose.TOMCAT)[0]
    _supersede(node)
    former.bring_back()
    _tell(Action.CERTIFICATE_ROLL_BACK, former)
    say({"step": "rolled back", "fingerprint": former.fingerprint})
    _write(former)


NAIVE: dict[str, Callable[[Any], None]] = {
    "regenerate": regenerate,
    "request": request,
    "install": install_answer,
    "roll back": roll_back,
}


def _supersede(node: Node) -> None:
    for active in node.certificates.active().for_purpose(Purpose.TOMCAT):
        active.supersede(timezone.now())


@transaction.atomic
def _tell(action: Action, row: Certificate | SigningRequest) -> None:
    Event.objects.record("naive", action, row)


def _write(certificate: Certificate) -> None:
    row = certificate.private_key
    assert row
    key = load_der_private_key(unseal(bytes(row.sealed), place(row, "sealed")), None)
    folder = store_of(Service.TOMCAT).current
    (folder / "cert.pem").write_bytes(certificate.pem)
    (folder / "fullchain.pem").write_bytes(certificate.pem)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
