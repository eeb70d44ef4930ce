"""Certification paths through a node's trust store: few rows are read, whatever its size."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Case, When

from certificates.models import Certificate, Node, Purpose, Service
from certificates.x509.chain import PathVerdict, find_path, identifier_of_issuer
from certificates.x509.name_digest import name_digests

MAXIMUM_DEPTH = 10  # certificates above the first; real paths have up to four
MAXIMUM_CANDIDATES = 200  # rows read for one path; a crowd of one name is cut here
USAGES = {Service.TOMCAT: "server", Service.IPSEC: "ipsec"}


def path_in_store(
    node: Node,
    purpose: Purpose,
    certificate: bytes,
    *,
    more: Sequence[bytes] = (),
    without: Collection[int] = (),
    now: datetime,
) -> PathVerdict:
    """Whether a node's trust store, any certificate of it, ends the path (CM-20, CM-21).

    Of several paths the one that goes up to a root, as far as it is known: a client may trust
    nothing else.

    Args:
        certificate: in DER.
        more: issuers in DER that are about to come into the store.
        without: keys of rows that are about to go.
    """
    store = candidates(node, purpose.service, [certificate, *more], without=without)
    pool = dict.fromkeys([*store, *more])  # in one order in every process, the store first
    roots = [der for der in pool if _is_root(der)]
    others = [der for der in pool if not _is_root(der)]
    usage = USAGES[purpose.service]
    whole = find_path(certificate, anchors=roots, intermediates=others, at=now, usage=usage)
    if whole.trusted:
        return whole
    return find_path(certificate, anchors=[*pool], intermediates=[], at=now, usage=usage)


def candidates(
    node: Node, service: Service, certificates: Sequence[bytes], *, without: Collection[int] = ()
) -> list[bytes]:
    """What in the trust store may stand above the certificates, by their names; in DER."""
    store = Certificate.objects.trust().active().exclude(pk__in=without)
    store = store.filter(node=node, purpose=f"{service.value}-trust")
    names = {name_digests(der)[1] for der in certificates}
    keys = {identifier_of_issuer(der) for der in certificates}
    seen: set[str] = set()
    found: dict[int, bytes] = {}
    for _ in range(MAXIMUM_DEPTH):
        names -= seen
        if not names or len(found) >= MAXIMUM_CANDIDATES:
            break
        # In a crowd of one name the key that is named comes first, then the newest.
        named = Case(When(subject_key_identifier__in=keys - {""}, then=0), default=1)
        rows = store.filter(subject_digest__in=names).order_by(named, "-not_before", "pk")
        seen |= names
        names, keys = set(), set()
        columns = rows.values_list("pk", "der", "issuer_digest", "authority_key_identifier")
        for pk, der, issuer, key in columns[: MAXIMUM_CANDIDATES - len(found)]:
            found[pk] = bytes(der)
            names.add(issuer)
            keys.add(key)
    return list(found.values())


def chain_of_path(path: Sequence[bytes]) -> list[bytes]:
    """What a server sends after its own certificate: the path without a root (RFC 8446, 4.4.2)."""
    return [der for der in path[1:] if not _is_root(der)]


def _is_root(der: bytes) -> bool:
    subject, issuer = name_digests(der)
    return subject == issuer
