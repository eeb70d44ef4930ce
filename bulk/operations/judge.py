"""What becomes of each certificate that an import would bring (BK-4)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bulk.models import Cluster, Origin, PlanItem, Verdict
from certificates.cells import at
from certificates.models import Certificate, Node, Purpose
from certificates.models.insertion import portions
from certificates.operations.examination import title_of, under_policy
from certificates.operations.paths import USAGES, path_in_store
from certificates.refusal import Outcome, Refused
from certificates.x509.chain import Pool
from certificates.x509.reading import ReadCertificate, read_each

# What a server's certificate may be for: RFC 5280, 4.2.1.12, and RFC 4945, 5.1.3.12.
_SERVER_USAGES = {
    "tomcat": {"1.3.6.1.5.5.7.3.1", "2.5.29.37.0"},
    "ipsec": {"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.8.2.2", "2.5.29.37.0"},
}


@dataclass(frozen=True, slots=True)
class Brought:
    """Certificates of one source for one trust store.

    `files`: name and bytes of each; `nodes`: by that name, whose certificate it is there.
    `cluster`: None for a file of another system.
    """

    cluster: Cluster | None
    cluster_name: str
    purpose: Purpose
    exported_at: datetime | None
    files: Sequence[tuple[str, bytes]]
    nodes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stores:
    """The stores of one purpose on every node, as far as these certificates are concerned."""

    nodes: tuple[Node, ...]
    holders: Mapping[str, set[int]]  # fingerprint -> nodes that have it
    newest: Mapping[str, datetime]  # subject -> when the newest of that name begins

    def lacking(self, fingerprint: str) -> list[Node]:
        return [node for node in self.nodes if node.pk not in self.holders.get(fingerprint, ())]


def judge(brought: Brought, *, now: datetime) -> list[PlanItem]:
    """A verdict for each certificate, in its order; then those that the cluster has no longer."""
    read = read_each(brought.files)
    certificates = [
        (name, one)
        for name, upload in read
        if not isinstance(upload, Refused)
        for one in upload.certificates
    ]
    stores = _stores(brought.purpose, [one for _, one in certificates])
    above = _Authorities(brought.purpose, [one for _, one in certificates], now)
    items = []
    for name, upload in read:
        if isinstance(upload, Refused):
            items.append(_unreadable(brought, name, upload))
            continue
        for one in upload.certificates:
            verdict, reason = _verdict(one, brought.purpose, stores, above, now)
            items.append(_item(brought, name, one, verdict, reason))
    return [*items, *_gone(brought, {one.facts.fingerprint for _, one in certificates})]


def _stores(purpose: Purpose, reads: Sequence[ReadCertificate]) -> _Stores:
    trusted = Certificate.objects.for_purpose(purpose)
    holders: dict[str, set[int]] = defaultdict(set)
    for asked in portions([read.facts.fingerprint for read in reads]):
        found = trusted.filter(fingerprint__in=asked).values_list("fingerprint", "node_id")
        for fingerprint, node in found:
            holders[fingerprint].add(node)
    newest: dict[str, datetime] = {}
    for asked in portions([*{read.facts.subject_digest for read in reads} - {""}]):
        named = trusted.filter(subject_digest__in=asked, not_before__isnull=False)
        for subject, begin in named.values_list("subject_digest", "not_before").iterator():
            if begin is not None:
                newest[subject] = max(begin, newest.get(subject, begin))
    return _Stores(tuple(Node.objects.in_restart_order()), holders, newest)


class _Authorities:
    """Whether a CA that comes along, or is here already, ends the path of a server certificate."""

    def __init__(self, purpose: Purpose, reads: Iterable[ReadCertificate], now: datetime) -> None:
        self._purpose, self._now = purpose, now
        self._node = Node.objects.local()
        anchors = [read.der for read in reads if read.is_ca and not _unfit(read, purpose)]
        self._pool = Pool(anchors=anchors, intermediates=[])

    def reason_against(self, read: ReadCertificate) -> str:
        """Why none does; "" where one does."""
        usage = USAGES[self._purpose.service]
        found = self._pool.find_path(read.der, at=self._now, usage=usage, allow_legacy=True)
        if found.trusted:
            return ""
        own = Purpose(self._purpose.service.value)
        here = path_in_store(self._node, own, read.der, now=self._now)
        if here.trusted:
            return ""
        return (found.findings or here.findings)[0].sentence


def _verdict(
    read: ReadCertificate,
    purpose: Purpose,
    stores: _Stores,
    above: _Authorities,
    now: datetime,
) -> tuple[Verdict, str]:
    facts = read.facts
    if facts.not_after and facts.not_after < now:
        return Verdict.EXPIRED, f"It was valid until {at(facts.not_after)}."
    wrong = _unfit(read, purpose)
    if wrong:
        return Verdict.REFUSED, wrong
    if not read.is_ca and not read.is_self_signed:
        wrong = above.reason_against(read)
        if wrong:
            return Verdict.REFUSED, f"A CA has signed it that is not here: {wrong}"
        return Verdict.COVERED, f"Signed by {facts.issuer_common_name or facts.issuer}."
    lacking = stores.lacking(facts.fingerprint)
    if not lacking:
        return Verdict.PRESENT, ""
    return _added(read, stores, lacking, now)


def _unfit(read: ReadCertificate, purpose: Purpose) -> str:
    """Why a certificate is not taken, whoever signed it; "" if it may be."""
    if not read.is_ca and not fits_server(read, purpose):
        return "It is neither a CA's nor a server's certificate: its extended key usage is other."
    if read.facts.not_before is None or read.facts.not_after is None:
        return "Its validity can't be read."
    failed = [c for c in under_policy(read.warnings) if c.outcome == Outcome.FAIL]
    return failed[0].sentence if failed else ""


def _added(
    read: ReadCertificate, stores: _Stores, lacking: Sequence[Node], now: datetime
) -> tuple[Verdict, str]:
    begin, fingerprint = read.facts.not_before, read.facts.fingerprint
    reasons = [found.sentence for found in read.warnings]
    if begin and begin > now:
        reasons.append(f"It is not valid before {at(begin)}.")
    if len(lacking) < len(stores.nodes):
        reasons.append(f"Missing on {', '.join(map(str, lacking))}.")
    before = stores.newest.get(read.facts.subject_digest)
    is_later = begin is not None and before is not None and before < begin
    is_renewed = is_later and fingerprint not in stores.holders
    return (Verdict.RENEWED if is_renewed else Verdict.NEW), " ".join(reasons)


def fits_server(read: ReadCertificate, purpose: Purpose) -> bool:
    """Whether its extended key usage lets it be a server's, or an IPsec peer's."""
    usages = read.extended_key_usages
    return usages is None or bool({*usages} & _SERVER_USAGES[purpose.service])


def _item(
    brought: Brought, name: str, read: ReadCertificate, verdict: Verdict, reason: str
) -> PlanItem:
    return PlanItem(
        cluster=brought.cluster,
        cluster_name=brought.cluster_name[:100],
        purpose=brought.purpose.value,
        verdict=verdict,
        name=title_of(read)[:255],
        not_after=read.facts.not_after,
        fingerprint=read.facts.fingerprint,
        nodes=brought.nodes.get(name, "")[:400],
        reason=reason,
        exported_at=brought.exported_at,
        der=read.der if verdict.is_added else b"",
    )


def _unreadable(brought: Brought, name: str, refused: Refused) -> PlanItem:
    return PlanItem(
        cluster=brought.cluster,
        cluster_name=brought.cluster_name[:100],
        purpose=brought.purpose.value,
        verdict=Verdict.REFUSED,
        name=name[:255],
        nodes=brought.nodes.get(name, "")[:400],
        reason=refused.sentence,
        exported_at=brought.exported_at,
    )


def _gone(brought: Brought, there: set[str]) -> Iterator[PlanItem]:
    """What came from this cluster alone, and is not in its export any more."""
    if brought.cluster is None:
        return
    came = Origin.objects.filter(
        cluster=brought.cluster, certificate__purpose=brought.purpose.value
    ).select_related("certificate")
    told: set[str] = set()
    for origin in came.order_by("certificate__common_name", "pk"):
        row = origin.certificate
        if row.fingerprint in there or row.fingerprint in told:
            continue
        if Origin.objects.filter(certificate=row).exclude(cluster=brought.cluster).exists():
            continue
        told.add(row.fingerprint)
        yield PlanItem(
            cluster=brought.cluster,
            cluster_name=brought.cluster_name[:100],
            purpose=brought.purpose.value,
            verdict=Verdict.GONE,
            name=(row.common_name or row.subject)[:255],
            not_after=row.not_after,
            fingerprint=row.fingerprint,
            reason=f"It came with the export of {at(origin.exported_at)}.",
            exported_at=brought.exported_at,
        )
