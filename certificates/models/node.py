"""Servers of the cluster, and what each should hold for a service."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from certificates.models.event import Event
from certificates.models.purpose import Service


class Role(models.TextChoices):
    PUBLISHER = "publisher", "Publisher"
    SUBSCRIBER = "subscriber", "Subscriber"


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
        max_length=253, unique=True, help_text="Fully qualified, as clients call this server."
    )
    addresses = models.JSONField(default=list, blank=True, help_text="IPv4 and IPv6 addresses.")
    role = models.CharField(max_length=10, choices=Role, default=Role.SUBSCRIBER)
    is_local = models.BooleanField(default=False, editable=False)
    description = models.CharField(max_length=200, blank=True)

    objects = NodeQuerySet.as_manager()

    class Meta:
        ordering = ["role", "host_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_local"], condition=Q(is_local=True), name="one_local_node"
            )
        ]

    def __str__(self) -> str:
        return self.host_name


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    def lock(self, node: Node, service: Service) -> "Deployment":
        """The row of a node's service, locked: one change to it at a time.

        Inside a transaction only. SQLite has no row lock; there the transaction itself is the
        lock, as it is IMMEDIATE.
        """
        Event.objects.hold()
        self.get_or_create(node=node, service=service.value)
        return self.select_for_update().get(node=node, service=service.value)

    def out_of_date(self) -> Self:
        """What the local node should hold and doesn't."""
        return self.filter(node__is_local=True).exclude(in_force=F("generation"))


class Deployment(models.Model):
    """What a node should hold for a service (`generation`), and what it holds (`in_force`).

    Every change of the service's certificates counts `generation` up in its own transaction; the
    deploy job makes the node's store equal to it. The two numbers differ: out of date.
    """

    node = models.ForeignKey(Node, models.PROTECT, related_name="deployments")
    service = models.CharField(max_length=12, choices=[(s.value, s.value) for s in Service])
    generation = models.PositiveBigIntegerField(default=0)
    in_force = models.PositiveBigIntegerField(default=0)
    in_force_at = models.DateTimeField(null=True, blank=True)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "service"], name="one_deployment_per_service")
        ]

    def __str__(self) -> str:
        return f"{self.service} on {self.node}"

    @property
    def is_in_force(self) -> bool:
        return self.in_force == self.generation
