"""Certificates: exact bytes, and every column that the list finds or sorts by."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from certificates.models.insertion import insert_many, portions
from certificates.models.node import Node
from certificates.models.private_key import PrivateKey
from certificates.models.purpose import Purpose
from certificates.models.read_columns import CLASSIFIED, KEY_TYPES, ReadColumns, columns
from certificates.models.search import Among
from certificates.sentence import say
from certificates.x509.facts import Facts
from certificates.x509.keys import PrivateKeyTypes
from certificates.x509.visible import visible

__all__ = [
    "CLASSIFIED",
    "KEY_TYPES",
    "Certificate",
    "CertificateQuerySet",
    "State",
    "columns",
    "file_stem",
    "file_stems",
]

DESCRIPTION_LENGTH = 200
STEM_BYTES = 100  # of UTF-8; with serial number and ending a file name has at most 255


# Columns that the list is ordered by, and their indexes' names (30 characters at most).
ORDERED = {
    "not_after": "expiry",
    "common_name": "common_name",
    "file_name": "listed_file",
    "issuer_common_name": "issuer_name",
    "type": "type",
    "key_label": "key_label",
    "description": "description",
}


class State(models.TextChoices):
    ACTIVE = "active", say("Active")
    SUPERSEDED = "superseded", say("Superseded")


class CertificateQuerySet(models.QuerySet["Certificate"]):
    def active(self) -> Self:
        return self.filter(state=State.ACTIVE)

    def own(self) -> Self:
        # SQLite takes a bare boolean column for no equality that its index `list_order` serves.
        return self.filter(is_own__in=[True])

    def trust(self) -> Self:
        return self.filter(is_own=False)

    def for_purpose(self, purpose: Purpose) -> Self:
        # `is_own` says nothing new; it lets the look-up use the index of the own certificates.
        return self.filter(purpose=purpose.value, is_own=purpose.is_own)

    def former(self) -> Self:
        """Own certificates that were replaced, the one that was replaced last first."""
        return self.filter(state=State.SUPERSEDED).order_by("-superseded_at", "-pk")

    def expiring(self, *, now: datetime, within: timedelta) -> Self:
        """Expired ones too: they stay in force until they are replaced (MO-2)."""
        return self.active().filter(not_after__lte=now + within)

    def in_list_order(self) -> Self:
        """Own certificates first (CM-1); the index `list_order` holds this order."""
        return self.order_by("-is_own", "purpose", "common_name", "pk")

    def create_own(
        self, node: Node, purpose: Purpose, facts: Facts, description: str, key: PrivateKey
    ) -> "Certificate":
        """Keep exactly `facts.der`; every other column is derived from it, and only here."""
        row = _new(node, purpose, facts, description, f"{purpose.value}.pem")
        row.private_key = key
        row.save(force_insert=True)
        return row

    def create_trust(
        self, node: Node, purpose: Purpose, facts: Sequence[Facts], description: str
    ) -> list["Certificate"]:
        """Add to a trust store; files are named by the common name (DESIGN, data model)."""
        store = self.trust().filter(node=node, purpose=purpose.value)
        taken = _TakenNames(store, facts)
        rows = [_new(node, purpose, one, description, taken.free_for(one)) for one in facts]
        insert_many(rows)
        keys: dict[str, int] = {}
        for asked in portions([row.fingerprint for row in rows]):
            found = store.filter(fingerprint__in=asked)
            keys.update(found.values_list("fingerprint", "pk"))
        for row in rows:
            row.pk, row._state.adding = keys[row.fingerprint], False  # noqa: SLF001 - see from_db
        return rows


class _TakenNames:
    """File names in a trust store; some file systems know no capital and small letters."""

    def __init__(self, store: CertificateQuerySet, facts: Sequence[Facts]) -> None:
        self._store = store
        self._taken: set[str] = set()
        self._names = {one.fingerprint: _file_names(one) for one in facts}
        names = [self._names[one.fingerprint] for one in facts]
        best = Counter(name.lower() for name, *_ in names)
        self._ask(best)
        crowded = {name for name, count in best.items() if count > 1 or name in self._taken}
        self._ask(
            {other.lower() for name, *rest in names if name.lower() in crowded for other in rest}
        )

    def _ask(self, names: Iterable[str]) -> None:
        for asked in portions(sorted(names)):
            found = self._store.annotate(small=Lower("file_name")).filter(small__in=asked)
            self._taken.update(found.values_list("small", flat=True))

    def free_for(self, facts: Facts) -> str:
        names = self._names[facts.fingerprint]
        name = next((name for name in names if name.lower() not in self._taken), names[-1])
        self._taken.add(name.lower())
        return name


def _file_names(facts: Facts) -> list[str]:
    return [f"{stem}.pem" for stem in file_stems(facts)]


def file_stems(facts: Facts) -> list[str]:
    """What a file in a trust store may be called, the best name first; the last is its own."""
    stem = file_stem(facts.common_name or facts.serial_number or facts.fingerprint[:16])
    return [stem, f"{stem}_{facts.serial_number[:40]}", f"{stem}_{facts.fingerprint[:40]}"]


def _new(
    node: Node, purpose: Purpose, facts: Facts, description: str, file_name: str
) -> "Certificate":
    values = columns(facts) | {
        "node_id": node.pk,
        "purpose": purpose.value,
        "is_own": purpose.is_own,
        "state": State.ACTIVE,
        "file_name": file_name,
        "description": visible(description)[:DESCRIPTION_LENGTH],
    }
    # In the order of the fields: half the price of names, for who adds thousands.
    row = Certificate(*(values.get(name) for name in _attributes()))  # type: ignore[misc]
    row.node = node
    return row


@cache
def _attributes() -> list[str]:
    return [field.attname for field in Certificate._meta.concrete_fields]


def file_stem(text: str) -> str:
    """A name that is safe in a folder, an archive and a header: letters, digits, `.`, `_`, `-`."""
    stem = re.sub(r"[^\w.-]+", "_", text).strip("._-").encode()[:STEM_BYTES].decode(errors="ignore")
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", stem)
    return f"_{stem}" if reserved else stem or "certificate"


class Certificate(ReadColumns):
    """One certificate at one place. Never edited: replaced, superseded or deleted.

    All text is attacker-controlled; invisible characters are kept as escapes (`visible`).
    """

    node = models.ForeignKey(Node, models.PROTECT, related_name="certificates")
    purpose = models.CharField(_("certificate"), max_length=24, choices=Purpose)
    is_own = models.BooleanField()
    state = models.CharField(max_length=12, choices=State, default=State.ACTIVE)
    file_name = models.CharField(max_length=160)
    description = models.CharField(max_length=DESCRIPTION_LENGTH, blank=True)
    private_key = models.ForeignKey(
        PrivateKey, models.PROTECT, null=True, related_name="certificates"
    )  # of an own certificate; several may share it: renewed, or one identity on several nodes
    created_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    is_older = False  # set by a list: a newer one of the same name is in the same store

    objects = CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        permissions = [
            ("download_certificate", "Can download certificates"),
            ("generate_certificate", "Can generate certificates"),
            ("upload_certificate", "Can upload certificates"),
            ("deploy_certificate", "Can deploy certificates to nodes"),
            ("restart_service", "Can restart services"),
            ("configure_product", "Can configure nodes, jobs and reminders"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "purpose"],
                condition=Q(state=State.ACTIVE, is_own=True),
                name="one_active_certificate_per_purpose",
            ),
            models.UniqueConstraint(
                fields=["node", "purpose", "fingerprint"],
                condition=Q(is_own=False),
                name="trusted_once_per_store",
            ),
            models.CheckConstraint(
                condition=Q(is_own=False, private_key=None)
                | Q(is_own=True, private_key__isnull=False),
                name="own_certificate_has_its_key",
            ),
        ]
        indexes = [
            # Beyond its order it holds what the filters ask for: they read this, not the rows.
            models.Index(
                "state",
                models.F("is_own").desc(),
                "purpose",
                "common_name",
                "id",
                "node",
                "type",
                "key_type",
                "key_label",
                "not_after",
                name="list_order",
            ),
            *(
                models.Index(fields=["state", column, "id"], name=f"by_{name}")
                for column, name in ORDERED.items()
            ),
            # Both fingerprints: a part of either is looked for in this one, from end to end.
            models.Index(fields=["fingerprint", "fingerprint_sha1", "id"], name="by_fingerprint"),
            *(
                models.Index(fields=[column, "id"], name=f"by_{column}")
                for column in ("fingerprint_sha1", "serial_number")
            ),
            models.Index(fields=["subject_key_identifier"], name="by_subject_key_id"),
            models.Index(Lower("file_name"), "node", "purpose", name="by_file_name"),
            models.Index(fields=["subject_digest", "node", "purpose"], name="by_subject"),
            models.Index(fields=["issuer_digest", "node", "purpose"], name="by_issuer"),
        ]

    def __str__(self) -> str:
        return say("{purpose} certificate of {node}", purpose=self.purpose, node=self.node)

    @property
    def serves(self) -> Purpose:
        return Purpose(self.purpose)

    def unseal_key(self, *, actor: str, reason: str) -> PrivateKeyTypes:
        """The private key of an own certificate; reading it is an event. See `PrivateKey`."""
        assert self.private_key is not None  # noqa: S101 - a constraint of the database
        return self.private_key.unseal(owner=self, actor=actor, reason=reason)

    def supersede(self, now: datetime) -> None:
        """No longer in force; kept with its key for roll-back."""
        self.state, self.superseded_at = State.SUPERSEDED, now
        self.save(update_fields=["state", "superseded_at"])

    def bring_back(self) -> None:
        """In force again; the one that is in force now was superseded before."""
        self.state, self.superseded_at = State.ACTIVE, None
        self.save(update_fields=["state", "superseded_at"])


Certificate._meta.pk.register_lookup(Among)
