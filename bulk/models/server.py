"""The SFTP server that all clusters exchange through (BK-1), and what was last seen there."""

import uuid

from django.db import models
from django.db.models import Q

from certificates.sentence import say

SETTINGS_KEY = 1
SERVER_SECRET = "bulk-sftp"  # noqa: S105 - the name of a `Secret`: {"password", "private_key"}
TYPED_SECRET = "bulk-sftp-typed"  # noqa: S105 - typed, waiting for the host key to be confirmed


class ServerQuerySet(models.QuerySet["ExchangeServer"]):
    def current(self) -> "ExchangeServer":
        """The row; before the first Save one that is not in the database yet."""
        return self.filter(pk=SETTINGS_KEY).first() or ExchangeServer(pk=SETTINGS_KEY)

    def lock(self) -> "ExchangeServer":
        """The row, locked, inside the transaction of its change."""
        self.get_or_create(pk=SETTINGS_KEY)
        return self.select_for_update().get(pk=SETTINGS_KEY)


class ExchangeServer(models.Model):
    """One row: where the exchange takes place, and as which cluster this one takes part.

    Password and private key are the `Secret` SERVER_SECRET.
    """

    host = models.CharField("IP address or host", max_length=253, blank=True)
    port = models.PositiveIntegerField(default=22)
    user = models.CharField("user ID", max_length=64, blank=True)
    directory = models.CharField(max_length=400, blank=True)
    host_key = models.TextField(blank=True, help_text="Pinned: type and base64.")
    host_key_alarm = models.CharField(
        max_length=100, blank=True, help_text="Another key that was shown since."
    )
    cluster_id = models.UUIDField(default=uuid.uuid4)
    cluster_name = models.CharField(max_length=100, blank=True, help_text="Empty: the publisher's.")
    numbers = models.JSONField(
        default=dict, help_text="Per service the highest number that this cluster has exported."
    )
    saved_at = models.DateTimeField(null=True)
    seen = models.JSONField(default=dict, help_text="What was on the server when it was looked at.")
    seen_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=600, blank=True, help_text="Why the last look failed.")

    objects = ServerQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        permissions = [
            ("view_exchange", "Can view the exchange with other clusters"),
            ("configure_exchange", "Can set the SFTP server, and confirm other clusters"),
            ("run_exchange", "Can export, consolidate and import"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(pk=SETTINGS_KEY), name="one_row_of_exchange_server")
        ]

    def __str__(self) -> str:
        return (
            say("{user}@{host} port {port}", user=self.user, host=self.host, port=self.port)
            if self.is_set
            else say("no SFTP server")
        )

    @property
    def is_set(self) -> bool:
        return bool(self.host)
