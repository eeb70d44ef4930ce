"""Certificates of the products: what an operator does under Certificate Management."""

from base64 import b64decode, b64encode

from django.utils import timezone

from certificates.models import Certificate, Node, Purpose
from certificates.operations import save_node
from certificates.operations.delete import delete_trusted, impact_of
from certificates.operations.examination import WARNINGS
from certificates.operations.request import EVERYTHING, request_certificate
from certificates.operations.upload import examine, install_upload
from certificates.x509.policy import KeyChoice
from tests.lab.changes import replace_certificate
from tests.lab.ipsec.operating import ACTOR


def be(host_name: str, address: str) -> None:
    """The product runs on the host of that name."""
    save_node(Node.objects.local(), host_name=host_name, addresses=[address], actor=ACTOR)


def new_self_signed() -> str:
    """Replace the ipsec certificate by a self-signed RSA one; it, in base 64 of DER."""
    current = Node.objects.local().certificates.active().get(purpose=Purpose.IPSEC)
    made = replace_certificate(current.fingerprint, Purpose.IPSEC, KeyChoice.RSA_2048)
    return b64encode(bytes(made.certificate.der)).decode()


def request() -> str:
    """A request for a new ipsec certificate, RSA, in PEM."""
    made = request_certificate(
        Node.objects.local(),
        Purpose.IPSEC,
        key=KeyChoice.RSA_2048,
        replacing=[],
        confirmed=EVERYTHING,
        actor=ACTOR,
        now=timezone.now(),
    )
    return made.request.pem


def trust_nobody() -> None:
    """Delete what is in the ipsec-trust store."""
    rows = Certificate.objects.filter(purpose=Purpose.IPSEC_TRUST).values_list("pk", flat=True)
    if rows:
        shown = impact_of(list(rows), now=timezone.now()).shown
        delete_trusted(list(rows), shown=shown, actor=ACTOR, now=timezone.now())


def upload(purpose: str, content: str) -> None:
    """Upload a file, in base 64."""
    node, data, now = Node.objects.local(), b64decode(content), timezone.now()
    shown = examine(node, Purpose(purpose), data, now=now).shown
    install_upload(
        node, Purpose(purpose), data, shown=shown, confirmed=[WARNINGS], actor=ACTOR, now=now
    )
