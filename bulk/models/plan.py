"""What an import would change, kept with the exact certificates that the operator was shown."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self

from django.db import models

from bulk.models.cluster import Cluster
from certificates.models import Job
from certificates.models.purpose import Purpose
from certificates.sentence import say


class Verdict(models.TextChoices):
    """What becomes of one certificate in an import (BK-4)."""

    NEW = "new", say("New")
    RENEWED = "renewed", say("Renewed")  # another one of its name came from the same cluster before
    PRESENT = "present", say("Already there")
    COVERED = "covered", say("Trusted through its CA")
    EXPIRED = "expired", say("Expired")
    REFUSED = "refused", say("Refused")
    GONE = "gone", say("No longer exported")

    @property
    def is_added(self) -> bool:
        return self in (Verdict.NEW, Verdict.RENEWED)


class PlanQuerySet(models.QuerySet["Plan"]):
    def of_job(self, job: Job) -> "Plan | None":
        return self.filter(job=job).first()

    def open(self) -> Self:
        return self.filter(imported_at=None).order_by("-pk")


class Plan(models.Model):
    """One look at what an import would bring. `digest` stands for what the operator was shown.

    `source`: the file that it was read from. `refused`: exports that are left out, each with its
    reason. `clusters`: what is noted when it is imported.
    """

    job = models.OneToOneField(Job, models.SET_NULL, null=True, related_name="plan")
    source = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    clusters = models.JSONField(default=list)
    refused = models.JSONField(default=list)
    imported_at = models.DateTimeField(null=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return say("import of {source}", source=self.source)

    def is_news(self) -> bool:
        """Whether it is of exports newer than the last ones imported, even if nothing is added."""
        return any(
            noted["number"] > cluster.latest_number(noted["service"])
            for noted, cluster in self._noted()
        )

    def new_keys(self) -> list[str]:
        """A sentence for each key that an import would believe from then on, each once.

        Nobody has compared it: another key of the same cluster vouches for it.
        """
        told: dict[str, None] = {}
        for noted, cluster in self._noted():
            if cluster.learns_from(datetime.fromisoformat(noted["made_at"])):
                for service, key in sorted(noted["keys"].items()):
                    if key not in cluster.keys.values():
                        sentence = say(
                            "{cluster} has another {service} key, {key}",
                            cluster=cluster,
                            service=service,
                            key=key,
                        )
                        told[sentence] = None
        return list(told)

    def _noted(self) -> Iterator[tuple[dict[str, Any], Cluster]]:
        """What is noted of each export, with its cluster if that is confirmed still."""
        known = Cluster.objects.in_bulk([noted["pk"] for noted in self.clusters])
        for noted in self.clusters:
            if noted["pk"] in known:
                yield noted, known[noted["pk"]]

    def counts(self) -> dict[Verdict, int]:
        """How many certificates of each verdict, in the order of the verdicts; none of 0."""
        found = self.items.order_by().values_list("verdict").annotate(count=models.Count("pk"))
        counted = dict(found)
        return {verdict: counted[verdict] for verdict in Verdict if verdict in counted}


class PlanItem(models.Model):
    """One certificate of a plan, for one trust store; all text is the other side's."""

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="items")
    cluster = models.ForeignKey(Cluster, models.CASCADE, null=True, related_name="+")
    cluster_name = models.CharField(max_length=100, blank=True)
    purpose = models.CharField(max_length=24, choices=Purpose)
    verdict = models.CharField(max_length=12, choices=Verdict)
    name = models.CharField("certificate", max_length=255)
    not_after = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    nodes = models.CharField(max_length=400, blank=True, help_text="Whose certificate it is there.")
    reason = models.TextField(blank=True)
    exported_at = models.DateTimeField(null=True)
    der = models.BinaryField(default=b"")

    class Meta:
        default_permissions = ()
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.name}"
