"""Servers of the cluster, and what each should hold for a service."""

import shlex
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from certificates.models.event import Event
from certificates.models.purpose import Service
from certificates.sentence import say


class Role(models.TextChoices):
    PUBLISHER = "publisher", say("Publisher")
    SUBSCRIBER = "subscriber", say("Subscriber")


class Reach(models.TextChoices):
    BY_HAND = "by-hand", say("Not reached: its files are copied and its services restarted by hand")
    SSH = "ssh", say("Over SSH")


class NodeQuerySet(models.QuerySet["Node"]):
    def local(self) -> "Node":
        """The node that this product runs on; made by `./ccxsec up`."""
        return self.get(is_local=True)

    def in_restart_order(self) -> Self:
        """Publisher first, then the subscribers by name (CM-7)."""
        return self.order_by("role", "host_name")


class Node(models.Model):
    """A server of the cluster."""

    host_name = models.CharField(
        _("host name"),
        max_length=253,
        unique=True,
        help_text=_("Fully qualified, as clients call this server."),
    )
    addresses = models.JSONField(default=list, blank=True, help_text="IPv4 and IPv6 addresses.")
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.SUBSCRIBER)
    is_local = models.BooleanField(default=False, editable=False)
    description = models.CharField(_("description"), max_length=200, blank=True)
    reach = models.CharField(
        "reached", max_length=8, choices=Reach, default=Reach.BY_HAND, editable=False
    )
    ssh_host = models.CharField(
        max_length=253, blank=True, editable=False, help_text="Empty: the host name."
    )
    ssh_port = models.PositiveIntegerField(default=22, editable=False)
    ssh_user = models.CharField(max_length=64, blank=True, editable=False)
    host_key = models.TextField(blank=True, editable=False, help_text="Pinned: type and base64.")
    host_key_alarm = models.CharField(
        max_length=100, blank=True, editable=False, help_text="Another key that was shown since."
    )

    objects = NodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("node")
        verbose_name_plural = _("nodes")
        ordering = ["role", "host_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_local"], condition=Q(is_local=True), name="one_local_node"
            )
        ]

    def __str__(self) -> str:
        return self.host_name

    @property
    def is_reached(self) -> bool:
        """Whether the product writes to it; that it answers is another question."""
        return self.is_local or self.reach == Reach.SSH

    @property
    def is_ready(self) -> bool:
        """Whether it may be written to now: over SSH its host key was compared, and is the same."""
        return self.is_local or (
            self.is_reached and bool(self.host_key) and not self.host_key_alarm
        )

    @property
    def ssh_address(self) -> str:
        return self.ssh_host or self.host_name

    @property
    def ssh_secret(self) -> str:
        """Name of the `Secret` that holds its password or private key."""
        return f"ssh-node-{self.pk}"


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def lock(self, node: Node, service: Service) -> "Deployment":
        """The row of a node's service, locked: one change to it at a time.

        Inside a transaction only. SQLite has no row lock; there the transaction itself is the
        lock, as it is IMMEDIATE.
        """
        Event.objects.hold()
        self.get_or_create(node=node, service=service.value)
        return self.select_for_update().get(node=node, service=service.value)

    def reached(self) -> Self:
        """Of nodes that the product writes to."""
        return self.filter(Q(node__is_local=True) | Q(node__reach=Reach.SSH))

    def ready(self) -> Self:
        """Of nodes that may be written to now (`Node.is_ready`)."""
        over_ssh = Q(node__reach=Reach.SSH, node__host_key_alarm="") & ~Q(node__host_key="")
        return self.filter(Q(node__is_local=True) | over_ssh)

    def out_of_date(self) -> Self:
        """What a node should hold and doesn't."""
        return self.reached().exclude(in_force=F("generation"))

    def troubled(self) -> Self:
        """Out of date, changed by hand on the node, or not to be asked."""
        return self.reached().exclude(in_force=F("generation"), differs=[], trouble="")

    def place(self, node: Node, service: Service) -> "Deployment":
        """The row, to read: an unsaved one where nothing was set or made yet."""
        found = self.filter(node=node, service=service.value).select_related("node").first()
        return found or Deployment(node=node, service=service.value)


class Deployment(models.Model):
    """What a node should hold for a service (`generation`), and what it holds (`in_force`).

    Every change of the service's certificates counts `generation` up in its own transaction; the
    deploy job makes the node's store equal to it. The two numbers differ: out of date.

    It also says where the service's files are, whose they are, and how the service is restarted.
    """

    node = models.ForeignKey(Node, models.PROTECT, related_name="deployments")
    service = models.CharField(max_length=12, choices=[(s.value, s.value) for s in Service])
    generation = models.PositiveBigIntegerField(default=0)
    in_force = models.PositiveBigIntegerField(default=0)
    in_force_at = models.DateTimeField(null=True, blank=True)

    folder = models.CharField(max_length=400, blank=True, help_text="Empty: the usual one.")
    owner = models.CharField(max_length=64, blank=True, help_text="User name or number.")
    group = models.CharField(max_length=64, blank=True, help_text="Group name or number.")
    restart_command = models.CharField(max_length=1000, blank=True)
    restart_limit = models.PositiveIntegerField(default=60, help_text="Seconds.")
    probe_host = models.CharField(max_length=253, blank=True, help_text="Empty: the node.")
    probe_port = models.PositiveIntegerField(null=True, blank=True)
    probe_name = models.CharField(max_length=253, blank=True, help_text="Server name (SNI).")

    differs = models.JSONField(default=list, help_text="What was changed on the node by hand.")
    checked_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=500, blank=True, help_text="Why the last try failed.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    retry_at = models.DateTimeField(null=True)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "service"], name="one_deployment_per_service")
        ]

    def __str__(self) -> str:
        return say("{service} on {node}", service=self.service, node=self.node)

    @property
    def is_in_force(self) -> bool:
        return self.in_force == self.generation

    @property
    def restart_words(self) -> list[str]:
        """The command as the program and its arguments; empty for none."""
        return shlex.split(self.restart_command)

    @property
    def can_restart(self) -> bool:
        """By its command, or as this product's own web server."""
        if self.restart_command:
            return self.node.is_reached
        return self.node.is_local and self.service == Service.TOMCAT
