"""What the database says of certificates and requests hangs together."""

from collections.abc import Iterator
from hashlib import sha256

from django.db.models import Exists, OuterRef

from certificates.models import (
    Certificate,
    Node,
    Purpose,
    RequestState,
    SigningRequest,
)
from certificates.operations.doctor.finding import Asked
from certificates.refusal import Finding


def certificate_problems(_: Asked) -> Iterator[Finding]:
    """One active certificate for each purpose, exact bytes, and requests in a true state."""
    yield from _active()
    yield from _bytes()
    yield from _requests()


def _active() -> Iterator[Finding]:
    for node in Node.objects.order_by("pk").iterator(chunk_size=200):
        for purpose in Purpose.own():
            here = node.certificates.for_purpose(purpose)
            many = here.active().count()
            if many == 1 or (not many and not node.is_local and not here.exists()):
                continue
            wrong = f"{node} has {many} active {purpose} certificates instead of one."
            cure = f"Generate it: ./ccxsec cert regen {purpose} --node {node}."
            yield Finding("certificate.active", wrong, cure)


def _bytes() -> Iterator[Finding]:
    """Each row still holds the bytes that its fingerprint was made of; read once, in a stream."""
    rows = Certificate.objects.order_by("pk").values_list("pk", "file_name", "fingerprint", "der")
    for pk, name, fingerprint, der in rows.iterator(chunk_size=1000):
        if sha256(bytes(der)).hexdigest() != fingerprint:
            wrong = f"The bytes of {name} (certificate {pk}) are not those of its fingerprint."
            cure = "Delete it and upload it again, or put a backup back; look at the audit log."
            yield Finding("certificate.changed", wrong, cure)


def _requests() -> Iterator[Finding]:
    """A pending request has no answer yet, and a consumed one has."""
    answer = Certificate.objects.own().filter(private_key=OuterRef("private_key"))
    rows = SigningRequest.objects.exclude(private_key=None).annotate(is_answered=Exists(answer))
    rows = rows.select_related("node").order_by("pk")
    for row in rows.defer("pem", "subject", "subject_alternative_names").iterator(chunk_size=500):
        is_answered = bool(getattr(row, "is_answered"))  # noqa: B009 - from the query above
        if (row.state == RequestState.CONSUMED) == is_answered:
            continue
        there = "installed" if is_answered else "not there"
        wrong = f"The {row} (number {row.pk}) is {row.state}, and its certificate is {there}."
        yield Finding("request.state", wrong, "Upload the CA's answer again, or make a new CSR.")
