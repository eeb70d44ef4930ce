"""Deploy: make a node's store equal to what the database intends (idempotent)."""

import ssl
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.jobs import job
from certificates.models import Action, Certificate, Deployment, Event, Job, Node, Purpose, Service
from certificates.operations.paths import chain_of_path, path_in_store
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.store import Store
from certificates.web_server import tls_context
from certificates.x509.facts import public_key, public_key_fingerprint


def store_of(service: Service) -> Store:
    """The local node's store."""
    return Store(Path(settings.CCXSEC_STORE), service.value)


def deploy(node: Node, service: Service, *, actor: Actor, now: datetime) -> str:
    """Put a node's active certificate and key of a service in force; says what it did.

    Raises:
        PermissionDenied: `actor` may not deploy.
        Refused: node.unreachable, certificate.missing, certificate.unusable, key.mismatch,
            store.unwritable.
    """
    actor.require(Permission.DEPLOY)
    if not node.is_local:
        wrong = f"{node} is another server, and this version writes to its own server only."
        raise Refused("node.unreachable", wrong, "The change is kept and waits for it.")
    store = store_of(service)
    if is_in_force(node, service):
        return f"{node} holds the newest {service} certificate already."
    generation, certificate, files = _read(node, service, store, actor, now)
    try:
        in_force = store.publish(generation, files, check=tls_context)
    except ssl.SSLError as error:
        wrong = f"The {certificate} can't be used ({error.reason}); the former one still is."
        raise Refused("certificate.unusable", wrong, "Generate it again.") from error
    except OSError as error:
        wrong = f"The store {settings.CCXSEC_STORE} can't be written: {error.strerror}."
        raise Refused("store.unwritable", wrong, "Free space or mend its rights.") from error
    if not in_force:
        return f"Stale: a newer certificate of {service} is in force on {node} already."
    with transaction.atomic():
        Event.objects.hold()
        moved = Deployment.objects.filter(
            node=node, service=service.value, in_force__lt=generation
        ).update(in_force=generation, in_force_at=now)
        if moved:
            Event.objects.record(
                str(actor), Action.CERTIFICATE_DEPLOY, certificate, generation=generation
            )
    return f"The {certificate} is in the store of {node}, as version {generation}."


@transaction.atomic
def _read(
    node: Node, service: Service, store: Store, actor: Actor, now: datetime
) -> tuple[int, Certificate, dict[str, bytes]]:
    deployment = Deployment.objects.lock(node, service)
    own = node.certificates.active().for_purpose(Purpose(service.value))
    certificate = own.select_related("node", "private_key").first()
    if certificate is None:
        wrong = f"{node} has no {service} certificate."
        raise Refused("certificate.missing", wrong, "Generate one.")
    leaf = ssl.DER_cert_to_PEM_cert(bytes(certificate.der)).encode()
    held = store.generation()
    spoiled = held == deployment.generation and not _is_whole(store, held, leaf)
    if held > deployment.generation or (held and spoiled):
        # The database was put back from a backup, or somebody changed the files: intent wins, as
        # a new version, since the one in force is never written to.
        deployment.generation = held + 1
        deployment.save(update_fields=["generation"])
    key = certificate.unseal_key(actor=str(actor), reason="deploy")
    if public_key_fingerprint(key.public_key()) != certificate_key_fingerprint(certificate):
        wrong = f"The sealed key of the {certificate} is not its own."
        raise Refused("key.mismatch", wrong, "Look at the audit log, and generate a new one.")
    chain = _chain(certificate, now)
    files = {
        "cert.pem": leaf,
        "chain.pem": chain,
        "fullchain.pem": leaf + chain,
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "trust.pem": _trust(node, service),
    }
    return deployment.generation, certificate, files


def _chain(certificate: Certificate, now: datetime) -> bytes:
    """The issuers that a server sends along, in PEM; without a root, which clients have."""
    purpose, der = certificate.serves, bytes(certificate.der)
    path = path_in_store(certificate.node, purpose, der, now=now).path
    return b"".join(ssl.DER_cert_to_PEM_cert(one).encode() for one in chain_of_path(path))


def _trust(node: Node, service: Service) -> bytes:
    """The trust store in PEM."""
    rows = node.certificates.active().for_purpose(Purpose(f"{service.value}-trust"))
    ders = rows.order_by("pk").values_list("der", flat=True).iterator(chunk_size=1000)
    return b"".join(ssl.DER_cert_to_PEM_cert(bytes(der)).encode() for der in ders)


def certificate_key_fingerprint(certificate: Certificate) -> str:
    """SHA-256 of the public key in the certificate itself."""
    loaded = load_der_x509_certificate(bytes(certificate.der))
    return public_key_fingerprint(public_key(loaded))


def is_in_force(node: Node, service: Service) -> bool:
    """Whether the store holds what the database intends, by its content."""
    deployment = Deployment.objects.filter(node=node, service=service.value).first()
    certificate = node.certificates.active().for_purpose(Purpose(service.value)).first()
    if deployment is None or certificate is None or not deployment.is_in_force:
        return False
    return _is_whole(store_of(service), deployment.generation, certificate.pem)


def _is_whole(store: Store, generation: int, certificate: bytes) -> bool:
    """This certificate is in force, with a key that a server can use it with."""
    if not store.holds(generation, certificate):
        return False
    try:
        tls_context(store.current)
    except OSError:  # an SSLError is one, too
        return False
    return True


def deploy_what_is_out_of_date(*, actor: Actor, now: datetime) -> list[str]:
    """Deploy each service of the local node that the store doesn't hold as intended.

    A service that can't be deployed does not stop the others; its refusal is among the sentences.
    """
    sentences = []
    for deployment in Deployment.objects.filter(node__is_local=True).select_related("node"):
        service = Service(deployment.service)
        if is_in_force(deployment.node, service):
            continue
        Deployment.objects.filter(pk=deployment.pk, generation=deployment.generation).update(
            in_force=0
        )
        try:
            sentences.append(deploy(deployment.node, service, actor=actor, now=now))
        except (Refused, SealError) as refused:
            sentences.append(str(refused))
    return sentences


@job("deploy")
def _deploy_job(row: Job) -> str:
    node = Node.objects.get(pk=row.arguments["node"])
    service = Service(row.arguments["service"])
    return deploy(node, service, actor=Actor(row.started_by), now=timezone.now())
