"""The Certificate Monitor: how it is set, who is left out, and what it was doing last."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q

from certificates.expiry.periods import Rule, Unit, rule_of
from certificates.sentence import say

SETTINGS_KEY = 1
SMTP_PASSWORD, WEBHOOK_KEY = "monitor-smtp", "monitor-webhook"


class Security(models.TextChoices):
    """How the connection to the mail server is protected."""

    STARTTLS = "starttls", "STARTTLS"
    TLS = "tls", "TLS"
    NONE = "none", say("None")

    @property
    def port(self) -> int:
        return {Security.STARTTLS: 587, Security.TLS: 465}.get(self, 25)


class SettingsQuerySet(models.QuerySet["MonitorSettings"]):
    def current(self) -> "MonitorSettings":
        """What is in force; before anybody saved it, the defaults, unsaved."""
        return self.filter(pk=SETTINGS_KEY).first() or MonitorSettings(pk=SETTINGS_KEY)


class MonitorSettings(models.Model):
    """One row: the four fields of the manual, the mail server, and the other channels.

    The password of the mail server and the key of the webhook are rows of `Secret`.
    """

    start_days = models.PositiveIntegerField(default=30)
    frequency = models.PositiveIntegerField(default=1)
    frequency_unit = models.CharField(
        max_length=8, choices=[(unit.value, unit.value) for unit in Unit], default=Unit.DAYS.value
    )
    email_enabled = models.BooleanField(default=False)
    addresses = models.JSONField(default=list)

    smtp_host = models.CharField(
        max_length=253, blank=True, help_text="Empty: the mail server of the environment, if any."
    )
    smtp_port = models.PositiveIntegerField(null=True)
    smtp_security = models.CharField(
        max_length=8, choices=Security, default=Security.STARTTLS, blank=True
    )
    smtp_user = models.CharField(max_length=254, blank=True)
    smtp_sender = models.CharField(max_length=254, blank=True)

    webhook_url = models.CharField(max_length=500, blank=True)
    syslog_enabled = models.BooleanField(default=False)
    calendar_digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the feed's secret; empty: it is off."
    )
    changed_at = models.DateTimeField(null=True)

    objects = SettingsQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(pk=SETTINGS_KEY), name="one_row_of_monitor_settings")
        ]

    def __str__(self) -> str:
        return say("Certificate Monitor")

    @property
    def rule(self) -> Rule:
        return rule_of(self.start_days, self.frequency, self.frequency_unit)


class MonitorState(models.Model):
    """What a part of the monitor (the evaluation, or a channel) did last."""

    name = models.CharField(max_length=12, primary_key=True)
    tried_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="One after the other, until now.")
    not_before = models.DateTimeField(null=True, help_text="When it may be tried again.")
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name

    def must_wait(self, now: datetime) -> bool:
        """A moment beyond the longest pause is one of a clock that has been set back."""
        return bool(self.not_before and now < self.not_before <= now + LONGEST_PAUSE)

    def note_done(self, now: datetime, problem: str = "") -> None:
        """Also where a part of it did not go well: `problem` says which."""
        self.tried_at = self.done_at = now
        self.failures, self.not_before, self.problem = 0, None, problem[:500]
        self.save()

    def note_failure(self, problem: str, now: datetime) -> None:
        """The pause doubles from one minute to the longest."""
        pause = min(timedelta(minutes=1) * 2 ** min(self.failures, 10), LONGEST_PAUSE)
        self.tried_at, self.not_before = now, now + pause
        self.failures += 1
        self.problem = problem[:500]
        self.save()


LONGEST_PAUSE = timedelta(minutes=15)


class AcknowledgementQuerySet(models.QuerySet["Acknowledgement"]):
    def in_force(self, now: datetime) -> Self:
        return self.filter(withdrawn_at=None, until__gt=now)

    def of(self, source: str, key: int) -> Self:
        return self.filter(source=source, source_key=key)


class Acknowledgement(models.Model):
    """Somebody knows of an expiry: no notice about it until a date."""

    source = models.CharField(max_length=16)
    source_key = models.PositiveBigIntegerField()
    text = models.CharField(max_length=300, help_text="What it is about, in words.")
    reason = models.CharField(max_length=300)
    until = models.DateTimeField()
    by = models.CharField(max_length=200)
    at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=200, blank=True)

    objects = AcknowledgementQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"],
                condition=Q(withdrawn_at=None),
                name="acknowledged_once",
            )
        ]

    def __str__(self) -> str:
        return self.text


class SilenceField(models.TextChoices):
    """What of a trust certificate a rule looks at."""

    PURPOSE = "purpose", say("Certificate")
    ISSUER = "issuer", say("Issuer")
    COMMON_NAME = "common_name", say("Common name")


class SilenceOperator(models.TextChoices):
    IS = "is", say("is exactly")
    CONTAINS = "contains", say("contains")


class SilenceRule(models.Model):
    """Trust certificates that nobody is told about; they are counted and shown all the same."""

    name = models.CharField(max_length=80, unique=True)
    field = models.CharField(max_length=16, choices=SilenceField)
    operator = models.CharField(max_length=10, choices=SilenceOperator)
    value = models.CharField(max_length=255)
    reason = models.CharField(max_length=300)
    by = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def sentence(self) -> str:
        return say(
            "{field} {operator} {value}",
            field=self.get_field_display(),
            operator=self.get_operator_display(),
            value=self.value,
        )
