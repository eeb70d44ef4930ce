"""Trust stores of several nodes beside each other: what is there, and what is missing (CM-14).

Each node has a store of its own, and nothing makes them equal by itself. This module only reads.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, Q

from certificates.models import Certificate, Node, Purpose
from certificates.models.certificate import CertificateQuerySet
from certificates.models.insertion import portions
from certificates.refusal import Refused
from certificates.sentence import say

MOST_NODES = 4  # beside each other
FEW = 500  # differences that are looked up by their fingerprints
LARGE_COLUMNS = ("der", "subject", "issuer", "subject_alternative_names", "undecoded")


@dataclass(frozen=True, slots=True)
class Place:
    node: Node
    is_there: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One certificate, and in the order of the nodes whether it is in the store of each."""

    certificate: Certificate
    places: tuple[Place, ...]

    @property
    def differs(self) -> bool:
        return not all(place.is_there for place in self.places)


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of one purpose on some nodes, as queries that read no more than is asked for."""

    purpose: Purpose
    nodes: tuple[Node, ...]

    @property
    def rows(self) -> CertificateQuerySet:
        """Every certificate of every store, in no order; a trust certificate is always active."""
        rows = Certificate.objects.order_by().for_purpose(self.purpose)
        return rows.filter(node__in=self.nodes)

    @property
    def certificates(self) -> CertificateQuerySet:
        """Each certificate once, by name: the row of the first node that has it.

        It walks along the index of the list's order, and so a page ends where it is full. The
        node is an expression here lest the database takes the index that begins with it, and
        sorts whole stores; and SQLite looks up `IN` in an index, where it would not look up `NOT`.
        """
        rows = Certificate.objects.active().filter(is_own__in=[False], purpose=self.purpose.value)
        rows = rows.alias(place=F("node_id") + 0).filter(place__in=[n.pk for n in self.nodes])
        return rows.filter(self._is_first).in_list_order()

    def named(self, fingerprints: Sequence[str]) -> CertificateQuerySet:
        """Those of `certificates` that have one of some hundred fingerprints."""
        return self.rows.filter(self._is_first, fingerprint__in=fingerprints).in_list_order()

    def differences(self, differing: Sequence[str]) -> CertificateQuerySet:
        """Those of `certificates` that some node lacks. Few are looked up, many are walked to.

        Args:
            differing: what `differing` said for more than `FEW`.
        """
        if len(differing) <= FEW:
            return self.named(differing)
        lacking = Q()
        for node in self.nodes:
            lacking |= Q(~Exists(self.of(node).filter(fingerprint=OuterRef("fingerprint"))))
        return self.certificates.filter(lacking)

    @property
    def _is_first(self) -> Q:
        before = self.rows.filter(fingerprint=OuterRef("fingerprint"), node__lt=OuterRef("node"))
        return Q(~Exists(before))

    def of(self, node: Node) -> CertificateQuerySet:
        return Certificate.objects.order_by().for_purpose(self.purpose).filter(node=node)

    def differing(self, most: int) -> list[str]:
        """Fingerprints that some node lacks, at most so many; one pass over one index."""
        groups = self.rows.values("fingerprint").annotate(nodes=Count("pk"))
        found = groups.filter(nodes__lt=len(self.nodes)).values_list("fingerprint", flat=True)
        return list(found[:most])

    def beside(self, rows: Sequence[Certificate]) -> list[Compared]:
        """Where each of the given certificates is; one query for some hundred of them."""
        keys: dict[str, set[int]] = defaultdict(set)
        for asked in portions([row.fingerprint for row in rows]):
            found = self.rows.filter(fingerprint__in=asked)
            for fingerprint, key in found.values_list("fingerprint", "node"):
                keys[fingerprint].add(key)
        return [
            Compared(
                row, tuple(Place(node, node.pk in keys[row.fingerprint]) for node in self.nodes)
            )
            for row in rows
        ]

    def each(self, *, differences_only: bool) -> Iterator[Compared]:
        """Every certificate, or every difference, by name; read in portions."""
        differing = self.differing(FEW + 1) if differences_only else []
        found = self.differences(differing) if differences_only else self.certificates
        batch: list[Certificate] = []
        for row in found.defer(*LARGE_COLUMNS).iterator(chunk_size=1000):
            batch.append(row)
            if len(batch) == 1000:  # noqa: PLR2004 - as many as are read at once
                yield from self.beside(batch)
                batch = []
        yield from self.beside(batch)

    def identities(self) -> list[tuple[Node, Certificate | None]]:
        """The own certificate of each node for the service of these stores."""
        own = Certificate.objects.active().for_purpose(Purpose(self.purpose.service.value))
        found = {row.node_id: row for row in own.filter(node__in=self.nodes).defer("der")}
        return [(node, found.get(node.pk)) for node in self.nodes]


def trust_store(text: str) -> Purpose:
    """The trust store of that name.

    Raises:
        Refused: purpose.unknown, purpose.directory, purpose.wrong.
    """
    purpose = Purpose.named(text)
    if purpose.is_own:
        wrong = say("{purpose} is the identity of one node, and no trust store.", purpose=purpose)
        raise Refused(
            "purpose.wrong", wrong, say("Choose {service}-trust.", service=purpose.service)
        )
    return purpose


def trust_stores() -> list[Purpose]:
    """One for each service."""
    return [purpose for purpose in Purpose if not purpose.is_own]
