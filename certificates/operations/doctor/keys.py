"""No certificate and no signing request without its key, and no key that is nobody's."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_csr
from django.db.models import Exists, OuterRef

from certificates.models import Certificate, PrivateKey, SigningRequest
from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding
from certificates.secrets import SealError, place, unseal
from certificates.x509.facts import public_key, public_key_fingerprint

RESTORE = "Put a backup of the database back that has it, or generate a new certificate."


def key_problems(_: Asked) -> Iterator[Finding]:
    """Each sealed key opens and is its owner's. Nothing of it is kept, and it is no event."""
    yield from _of_certificates()
    yield from _of_requests()
    yield from _of_nobody()


def _of_certificates() -> Iterator[Finding]:
    own = Certificate.objects.own().select_related("node", "private_key").order_by("pk")
    wanted = ("node__host_name", "purpose", "state", "der", "private_key__sealed")
    for row in own.only(*wanted).iterator(chunk_size=200):
        what = f"The {row.state} {row.purpose} certificate of {row.node} (number {row.pk})"
        try:
            expected = public_key(load_der_x509_certificate(bytes(row.der)))
        except ValueError:
            yield Finding("certificate.unreadable", f"{what} can't be read any more.", RESTORE)
            continue
        yield from _problem(what, row.private_key, expected)


def _of_requests() -> Iterator[Finding]:
    rows = SigningRequest.objects.select_related("node", "private_key").order_by("pk")
    wanted = ("node__host_name", "purpose", "state", "pem", "private_key__sealed")
    for row in rows.only(*wanted).iterator(chunk_size=200):
        what = f"The {row.state} {row.purpose} signing request of {row.node} (number {row.pk})"
        if row.private_key is None and not row.is_pending:
            continue  # made by a version that let go of the keys of closed requests
        try:
            expected = load_pem_x509_csr(row.pem.encode()).public_key()
        except ValueError:
            yield Finding("request.unreadable", f"{what} can't be read any more.", RESTORE)
            continue
        yield from _problem(what, row.private_key, expected)


def _problem(what: str, row: PrivateKey | None, expected: PublicKeyTypes) -> Iterator[Finding]:
    if row is None:
        yield Finding("key.missing", f"{what} has no key.", RESTORE)
        return
    try:
        plain = unseal(bytes(row.sealed), place(row, "sealed"))
        key = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
    except SealError as error:
        cure = "Put the backup of the master keys back. Else: " + RESTORE
        yield Finding("key.sealed", f"The key of {_small(what)} does not open: {error}", cure)
    except ValueError:
        yield Finding("key.unreadable", f"What is sealed for {_small(what)} is no key.", RESTORE)
    else:
        if public_key_fingerprint(key.public_key()) != public_key_fingerprint(expected):
            yield Finding("key.other", f"{what} has the key of another one.", RESTORE)


def _small(what: str) -> str:
    return what[0].lower() + what[1:]


def _of_nobody() -> Iterator[Finding]:
    """A key is sealed in the transaction of what it belongs to, so there never is one alone."""
    mine = {"private_key": OuterRef("pk")}
    own, asked = Certificate.objects.filter(**mine), SigningRequest.objects.filter(**mine)
    alone = PrivateKey.objects.exclude(Exists(own)).exclude(Exists(asked))
    for pk in alone.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=1000):
        wrong = f"The sealed key {pk} belongs to no certificate and no signing request."
        yield Finding("key.orphan", wrong, "Somebody changed the database: look at its log.")
