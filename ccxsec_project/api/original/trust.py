"""What POST and DELETE of the original's trust stores do, for several stores at once."""

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.x509 import load_der_x509_certificate
from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Certificate, Event, Node, Purpose
from certificates.operations import delete_trusted, impact_of
from certificates.operations.examination import WARNINGS
from certificates.operations.upload import examine, install_upload
from certificates.refusal import Refused
from certificates.x509.reading import read_upload
from certificates.x509.visible import visible


def as_file(pems: Sequence[str]) -> bytes:
    """What an upload of these certificates would be: one as it is, several as a PKCS#7.

    Raises:
        Refused: what reading one of them refuses; pem.several where one text holds several.
    """
    if len(pems) == 1:
        return pems[0].encode()
    ders = [one.der for pem in pems for one in read_upload(pem.encode()).certificates]
    return serialize_certificates([load_der_x509_certificate(der) for der in ders], Encoding.DER)


@transaction.atomic
def add_to_stores(
    node: Node, stores: Sequence[Purpose], pems: Sequence[str], *, actor: Actor, now: datetime
) -> tuple[int, list[str]]:
    """All certificates into all stores, or nothing; how many were new, and what to restart.

    Raises:
        PermissionDenied: `actor` may not upload.
        Refused: the code of the first check that fails.
    """
    actor.require(Permission.UPLOAD)
    Event.objects.hold()
    added, restart = 0, list[str]()
    for store in stores:
        for pem in pems:
            content = pem.encode()
            found = examine(node, store, content, now=now)
            done = install_upload(
                node,
                store,
                content,
                shown=found.shown,
                confirmed=[WARNINGS],
                actor=actor,
                now=now,
            )
            added += len(done.trusted)
            if done.trusted:
                restart += done.examination.restarts
    return added, list(dict.fromkeys(restart))


@transaction.atomic
def remove_from_stores(
    node: Node,
    stores: Sequence[Purpose],
    pems: Sequence[str],
    file_names: Sequence[str],
    *,
    actor: Actor,
    now: datetime,
) -> tuple[int, list[str]]:
    """Delete certificates by their content or their file name; how many, and what to restart.

    Raises:
        PermissionDenied: `actor` may not delete.
        Refused: certificate.unknown, confirm.path, and what `delete_trusted` raises.
    """
    actor.require(Permission.DELETE)
    Event.objects.hold()
    uploads = [read_upload(pem.encode()) for pem in pems]
    wanted = [read.facts.fingerprint for upload in uploads for read in upload.certificates]
    rows = Certificate.objects.active().filter(node=node, purpose__in=stores, is_own=False)
    keys = set(rows.filter(fingerprint__in=wanted).values_list("pk", flat=True))
    for name in file_names:
        found = list(rows.filter(file_name=name).values_list("pk", flat=True))
        if not found:
            wrong = f"No trust store that was named has a file {visible(name)[:100]!r}."
            raise Refused("certificate.unknown", wrong, "Look at GET trust/certificates.")
        keys.update(found)
    if not keys:
        wrong = "None of these certificates is in the trust stores that were named."
        raise Refused("certificate.unknown", wrong, "Look at GET trust/certificates.")
    impact = impact_of(keys, now=now)
    if impact.dependent or impact.requests:
        needs = ", ".join(map(str, [*impact.dependent, *impact.requests]))
        wrong = f"They are needed by: {needs}."
        cure = "Delete them on the screen, or by /api/v1/certificates, which say what it means."
        raise Refused("confirm.path", wrong, cure)
    done = delete_trusted(keys, shown=impact.shown, actor=actor, now=now)
    return len(keys), [f"{service} on {node}" for service in done.impact.services]
