"""Work in the background: a row first, so that nothing is lost with a worker."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from certificates.sentence import say, say_as

LEASE = timedelta(minutes=6)  # longer than the worker's own limit of 300 s for a task
MAXIMUM_ATTEMPTS = 3


class JobState(models.TextChoices):
    QUEUED = "queued", say_as("a job", "Queued")
    RUNNING = "running", say("Running")
    DONE = "done", say("Done")
    FAILED = "failed", say("Failed")
    CANCELLED = "cancelled", say("Cancelled")

    @property
    def is_final(self) -> bool:
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class JobQuerySet(models.QuerySet["Job"]):
    def claim(self, pk: int, *, now: datetime) -> "Job | None":
        """Take a queued job, or one whose worker is gone: its lease has run out. Else None."""
        free = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, leased_until__lt=now)
        changed = self.filter(free, pk=pk).update(
            state=JobState.RUNNING,
            leased_until=now + LEASE,
            attempt=F("attempt") + 1,
            started_at=now,
        )
        return self.get(pk=pk) if changed == 1 else None

    def abandoned(self, now: datetime) -> Self:
        """Running by their state, but their worker is gone."""
        return self.filter(state=JobState.RUNNING, leased_until__lt=now)


class Job(models.Model):
    """One piece of work. `kind` names a function of the registry (`certificates.jobs`)."""

    kind = models.CharField(max_length=40)
    target = models.CharField(max_length=200, blank=True, help_text="What it works on, in words.")
    arguments = models.JSONField(default=dict, help_text="Primary keys and choices; no secret.")
    idempotency_key = models.CharField(max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=JobState, default=JobState.QUEUED)
    attempt = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    messages = models.JSONField(default=list, help_text="Lines for the operator, oldest first.")
    cancel_requested = models.BooleanField(default=False)
    started_by = models.CharField(_("started by"), max_length=200)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        default_permissions = ("view",)
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "idempotency_key"],
                condition=Q(state="queued") & ~Q(idempotency_key=""),
                name="queued_once_per_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}".strip()

    @property
    def is_final(self) -> bool:
        return JobState(self.state).is_final

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0

    def report(self, line: str = "", *, done: int = 0, total: int = 0, now: datetime) -> bool:
        """Note progress and hold on to the job. False: it was cancelled, or is no longer ours."""
        if line:
            self.messages = [*self.messages[-199:], line]
        changed = self._ours().update(
            messages=self.messages,
            done=done or self.done,
            total=total or self.total,
            leased_until=now + LEASE,
        )
        self.done, self.total = done or self.done, total or self.total
        return changed == 1 and not Job.objects.filter(pk=self.pk, cancel_requested=True).exists()

    def end(self, state: JobState, line: str, *, now: datetime) -> bool:
        """Give it a final state; False when another worker has taken it meanwhile."""
        if not state.is_final:
            raise ValueError(f"{state} does not end a job")
        self.messages = [*self.messages[-199:], line]
        fields: dict[str, Any] = {"state": state, "ended_at": now, "messages": self.messages}
        if not self._ours().update(**fields):
            return False
        self.state = state
        return True

    def _ours(self) -> "JobQuerySet":
        return Job.objects.filter(pk=self.pk, attempt=self.attempt, state=JobState.RUNNING)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def beat(self, *names: str, now: datetime) -> None:
        for name in names:
            self.update_or_create(name=name, defaults={"seen_at": now})

    def take_turn(self, name: str, *, every: timedelta, now: datetime) -> bool:
        """Among all who ask, one gets True in each period; a clock that was set back waits not."""
        late = Q(seen_at__lte=now - every) | Q(seen_at__gt=now + every)
        if self.filter(late, name=name).update(seen_at=now):
            return True
        return self.get_or_create(name=name, defaults={"seen_at": now})[1]


class Heartbeat(models.Model):
    """When something was last seen alive: all worker clusters as one, and each by its own name."""

    name = models.CharField(max_length=40, primary_key=True)
    seen_at = models.DateTimeField()

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
