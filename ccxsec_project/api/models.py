"""API tokens: whose, for what, until when; never the token itself."""

import ipaddress
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from certificates.access import Permission
from certificates.sentence import say

NAME_LENGTH = 60
NETWORKS = 20  # that a token may be limited to


class TokenQuerySet(models.QuerySet["ApiToken"]):
    def in_force(self, now: datetime) -> Self:
        return self.filter(revoked_at=None, expires_at__gt=now)

    def in_list_order(self) -> Self:
        """Those that count first, the newest of each first."""
        return self.order_by(models.F("revoked_at").desc(nulls_first=True), "-pk")


class ApiToken(models.Model):
    """One token of a user. It may what its scopes and its user's permissions both allow."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=NAME_LENGTH)
    identifier = models.CharField(max_length=8, unique=True, help_text="Part of its text.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of its text, hexadecimal.")
    scopes = models.JSONField(default=list, help_text="Permissions that it may use.")
    networks = models.JSONField(default=list, help_text="Where it may be used; empty: anywhere.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    used_at = models.DateTimeField(null=True, help_text="To the hour.")
    used_from = models.CharField(max_length=64, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=Q(revoked_at=None),
                name="one_token_of_a_name",
            )
        ]

    def __str__(self) -> str:
        return f"API token {self.name} of {self.user}"

    def state(self, now: datetime) -> str:
        """In force, expired, revoked, or useless as its user is disabled."""
        if self.revoked_at:
            return say("revoked")
        if self.expires_at <= now:
            return say("expired")
        return say("in force") if self.user.is_active else say("user disabled")

    @property
    def allowed(self) -> frozenset[Permission]:
        """Its scopes; a permission that does not exist any more is none."""
        known = {permission.value for permission in Permission}
        return frozenset(Permission(scope) for scope in self.scopes if scope in known)

    def is_usable_from(self, address: str) -> bool:
        """Whether somebody at this address may use it."""
        if not self.networks:
            return True
        try:
            place = ipaddress.ip_address(address)
        except ValueError:
            return False
        networks = map(ipaddress.ip_network, self.networks)
        return any(place in network for network in networks)
