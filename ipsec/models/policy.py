"""IPsec policies of this server: the fields of the manual's Table 2 (IP-2)."""

from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from certificates.models import Secret
from ipsec.models.settings import IpsecSettings
from ipsec.policy.choices import (
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    Mode,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import FIELD_LABELS, Definition


def _choices(kind: Any) -> list[tuple[Any, str]]:
    return [(choice.value, choice.label) for choice in kind]


def key_secret(pk: int) -> str:
    """The name under which the pre-shared key of a policy is sealed (DESIGN rule 4)."""
    return f"ipsec-key:{pk}"


class PolicyQuerySet(models.QuerySet["Policy"]):
    """Changes by many rows ask, as each row does, whether an upgrade is in progress (IP-5)."""

    def enabled(self) -> Self:
        return self.filter(is_enabled=True)

    def on_trial(self) -> Self:
        """Enabled until they are confirmed or their time is over, the next to end first."""
        return self.filter(trial_until__isnull=False).order_by("trial_until", "pk")

    def in_list_order(self) -> Self:
        return self.order_by("group", "name")

    def of_pair(self, definition: Definition) -> Self:
        """Of the same two hosts, whichever of them is called the source."""
        one, two = definition.pair
        there = Q(source_address=one, destination_address=two)
        return self.filter(there | Q(source_address=two, destination_address=one))

    def named(self, names: Iterable[str]) -> Self:
        """Policies by their "group/name"."""
        wanted = Q(pk__in=[])
        for text in names:
            group, _, name = text.partition("/")
            wanted |= Q(group=group, name=name)
        return self.filter(wanted)

    def update(self, **values: Any) -> int:
        IpsecSettings.objects.refuse_during_upgrade()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        IpsecSettings.objects.refuse_during_upgrade()
        return super().delete()

    def bulk_create(self, objs: Any, *args: Any, **options: Any) -> "list[Policy]":
        IpsecSettings.objects.refuse_during_upgrade()
        return super().bulk_create(objs, *args, **options)

    def bulk_update(self, objs: Any, *args: Any, **options: Any) -> int:
        IpsecSettings.objects.refuse_during_upgrade()
        return super().bulk_update(objs, *args, **options)

    def note(self, **values: Any) -> int:
        """Write what was heard of policies, or end a trial: no change of what is intended."""
        return super().update(**values)


class Policy(models.Model):
    """One policy. Its pre-shared key is a sealed `Secret`, and never shown."""

    group = models.CharField(FIELD_LABELS["group"], max_length=64)
    name = models.CharField(FIELD_LABELS["name"], max_length=64)
    authentication = models.CharField(max_length=12, choices=_choices(Authentication))
    peer_type = models.CharField(max_length=12, choices=_choices(PeerType))
    certificate_name = models.CharField(max_length=160, blank=True)
    source_address = models.CharField(FIELD_LABELS["source_address"], max_length=253)
    source_port = models.PositiveIntegerField(default=0)
    destination_address = models.CharField(FIELD_LABELS["destination_address"], max_length=253)
    destination_port = models.PositiveIntegerField(default=0)
    protocol = models.CharField(max_length=4, choices=_choices(Protocol))
    mode = models.CharField(max_length=12, choices=_choices(Mode))
    remote_port = models.PositiveIntegerField()
    ike_version = models.PositiveSmallIntegerField(choices=_choices(IkeVersion))
    encryption = models.CharField(max_length=20, choices=_choices(Encryption))
    hash = models.CharField(max_length=8, choices=_choices(Hash))
    phase_one_life_time = models.PositiveIntegerField()
    phase_one_dh = models.PositiveSmallIntegerField(choices=_choices(DhGroup))
    esp = models.CharField(max_length=20, choices=_choices(Esp))
    phase_two_life_time = models.PositiveIntegerField()
    phase_two_dh = models.PositiveSmallIntegerField(choices=_choices(DhGroup))

    is_enabled = models.BooleanField("Enable Policy", default=False, db_index=True)
    key_mark = models.CharField(max_length=16, blank=True)  # new with each key, and random
    trial_until = models.DateTimeField(null=True)  # then it is disabled unless confirmed
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=200, blank=True)
    trouble = models.CharField(max_length=500, blank=True)  # why it could not be loaded

    objects = PolicyQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [
            ("configure_policy", "Can add, change, enable, disable and delete IPsec policies"),
            ("operate_policy", "Can connect, disconnect and diagnose IPsec policies"),
        ]
        verbose_name = _("IPSEC policy")
        verbose_name_plural = _("IPSEC policies")
        ordering = ["group", "name"]
        constraints = [
            models.UniqueConstraint(fields=["group", "name"], name="policy_once_per_group"),
            models.UniqueConstraint(
                fields=[
                    "source_address",
                    "destination_address",
                    "protocol",
                    "source_port",
                    "destination_port",
                ],
                name="traffic_protected_once",
            ),
        ]
        indexes = [
            models.Index(fields=["name"], name="policies_by_name"),
            models.Index(fields=["destination_address"], name="policies_by_destination"),
            # Asked on each page, and each minute, and nearly always empty.
            models.Index(
                fields=["trial_until"],
                condition=Q(trial_until__isnull=False),
                name="policies_on_trial",
            ),
            models.Index(
                fields=["group", "name"], condition=~Q(trouble=""), name="policies_in_trouble"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group}/{self.name}"

    def save(self, *args: Any, **options: Any) -> None:
        """Raises `Refused` upgrade.in-progress."""
        IpsecSettings.objects.refuse_during_upgrade()
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        """Raises `Refused` upgrade.in-progress."""
        IpsecSettings.objects.refuse_during_upgrade()
        return super().delete(*args, **options)

    @property
    def definition(self) -> Definition:
        return Definition(
            group=self.group,
            name=self.name,
            authentication=Authentication(self.authentication),
            peer_type=PeerType(self.peer_type),
            certificate_name=self.certificate_name,
            source_address=self.source_address,
            source_port=self.source_port,
            destination_address=self.destination_address,
            destination_port=self.destination_port,
            protocol=Protocol(self.protocol),
            mode=Mode(self.mode),
            remote_port=self.remote_port,
            ike_version=IkeVersion(self.ike_version),
            encryption=Encryption(self.encryption),
            hash=Hash(self.hash),
            phase_one_life_time=self.phase_one_life_time,
            phase_one_dh=DhGroup(self.phase_one_dh),
            esp=Esp(self.esp),
            phase_two_life_time=self.phase_two_life_time,
            phase_two_dh=DhGroup(self.phase_two_dh),
        )

    def define(self, definition: Definition) -> None:
        """Take over every field of a definition; nothing is saved."""
        for field in FIELD_LABELS:
            setattr(self, field, getattr(definition, field))

    def unsealed_key(self) -> str:
        """The pre-shared key, for the IKE daemon alone; "" where there is none."""
        plain = Secret.objects.plain(key_secret(self.pk))
        return plain.decode() if plain else ""
