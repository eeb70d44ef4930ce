"""Notices of expirations: which are due, in which message each went out, and what became of it.

The row of a notice is what decides (MO-4): there is one for a certificate, channel and period, so
that nobody is told twice; and it waits until a message takes it, so that nobody is told never.
"""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from certificates.expiry.digest import Found
from certificates.sentence import say, say_as

LEASE = timedelta(minutes=4)  # for one message; a conversation is given up long before
LONGEST_WAIT = timedelta(hours=6)  # until an address that was put off is tried again


class Channel(models.TextChoices):
    EMAIL = "email", say("E-mail")
    WEBHOOK = "webhook", say("Webhook")
    SYSLOG = "syslog", say("Syslog")


class MessageState(models.TextChoices):
    OPEN = "open", say("Being sent")
    SENT = "sent", say_as("a message", "Sent")
    UNKNOWN = "unknown", say("Unknown")
    NOT_SENT = "not sent", say("Not sent")


class DeliveryState(models.TextChoices):
    """HANDED: the text is at the server, as far as we know; its answer is not."""

    WAITING = "waiting", say("Waiting")
    HANDED = "handed", say("May be sent")
    SENT = "sent", say_as("a message", "Sent")
    REFUSED = "refused", say("Refused")
    UNKNOWN = "unknown", say("Unknown")
    NOT_SENT = "not sent", say("Not sent")


UNSETTLED = (DeliveryState.WAITING, DeliveryState.HANDED)


class MessageQuerySet(models.QuerySet["Message"]):
    def unsettled(self, channel: Channel, now: datetime) -> Self:
        """What a sender has left, and what an address is to get once more; the oldest first."""
        again = Q(not_before=None) | Q(not_before__lte=now) | Q(not_before__gt=now + LONGEST_WAIT)
        open_ = Delivery.objects.filter(again, state__in=UNSETTLED, message=OuterRef("pk"))
        wanted = Q(state=MessageState.OPEN) | Exists(open_)
        return self.filter(wanted, channel=channel.value).exclude(_held(now)).order_by("pk")

    def lease(self, pk: int, token: str, now: datetime) -> bool:
        """Take a message to send it; False: somebody else has it."""
        free = self.filter(pk=pk).exclude(_held(now))
        return free.update(token=token, leased_until=now + LEASE) == 1


def _held(now: datetime) -> Q:
    """Somebody sends it now. A lease further ahead is one of a clock that was set back."""
    return Q(leased_until__gt=now, leased_until__lte=now + LEASE)


class Message(models.Model):
    """One message of a channel, with every notice that it carries.

    Its identifier is written down before anything is sent: a repetition has the same one, and the
    same content, as that follows from its notices, `at`, `sender` and `base` alone.
    """

    channel = models.CharField(_("channel"), max_length=8, choices=Channel)
    identifier = models.CharField(max_length=200, unique=True, help_text="The Message-ID.")
    at = models.DateTimeField(help_text="When it was composed.")
    subject = models.CharField(max_length=200, blank=True)
    sender = models.CharField(max_length=254, blank=True)
    base = models.CharField(max_length=300, blank=True, help_text="Address of the product then.")
    certificates = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=MessageState, default=MessageState.OPEN)
    problem = models.CharField(max_length=500, blank=True)
    token = models.CharField(max_length=32, blank=True, help_text="Of who is sending it.")
    leased_until = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["channel"], condition=Q(state="open"), name="open_messages")
        ]

    def __str__(self) -> str:
        return self.subject or self.identifier


class Delivery(models.Model):
    """A message to one address, and the server's own answer."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries")
    address = models.CharField(_("address"), max_length=500)
    state = models.CharField(
        _("state"), max_length=8, choices=DeliveryState, default=DeliveryState.WAITING
    )
    handed = models.PositiveIntegerField(
        default=0, help_text="How often the text was handed over without an answer."
    )
    tries = models.PositiveIntegerField(default=0)
    reply = models.CharField(
        _("reply"), max_length=500, blank=True, help_text="What the server said last."
    )
    changed_at = models.DateTimeField()
    not_before = models.DateTimeField(null=True, help_text="When it is tried again.")

    class Meta:
        default_permissions = ()
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["message", "address"], name="one_delivery_per_address")
        ]
        indexes = [
            models.Index(
                fields=["not_before"],
                condition=Q(state__in=["waiting", "handed"]),
                name="unsettled_deliveries",
            )
        ]

    def __str__(self) -> str:
        return say("{message} to {address}", message=self.message, address=self.address)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unsent(self, channel: Channel) -> Self:
        return self.filter(channel=channel.value, message=None)


class Notification(models.Model):
    """That something expires is told once through a channel in a period. Outlives what it names."""

    source = models.CharField(max_length=16)
    source_key = models.PositiveBigIntegerField()
    channel = models.CharField(max_length=8, choices=Channel)
    period_start = models.DateTimeField()
    message = models.ForeignKey(
        Message, models.PROTECT, null=True, related_name="notifications"
    )  # None: no message carries it yet

    node = models.CharField(max_length=253)
    file_name = models.CharField(max_length=160)
    unit = models.CharField(max_length=24)
    type = models.CharField(max_length=16)
    common_name = models.CharField(max_length=255, blank=True)
    fingerprint = models.CharField(max_length=64)
    not_after = models.DateTimeField()
    severity = models.CharField(max_length=8)
    created_at = models.DateTimeField()

    objects = NotificationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key", "channel", "period_start"],
                name="told_once_in_a_period",
            )
        ]
        indexes = [
            models.Index(
                fields=["channel", "not_after"],
                condition=Q(message=None),
                name="unsent_notifications",
            ),
        ]

    def __str__(self) -> str:
        return say(
            "{file_name} on {node}, {channel}",
            file_name=self.file_name,
            node=self.node,
            channel=self.channel,
        )

    @property
    def watched(self) -> str:
        """What it is about, as a key: `certificate:123`."""
        return f"{self.source}:{self.source_key}"

    def found(self, link: str) -> Found:
        return Found(
            node=self.node,
            file_name=self.file_name,
            unit=self.unit,
            type=self.type,
            common_name=self.common_name,
            not_after=self.not_after,
            fingerprint=self.fingerprint,
            link=link,
        )
