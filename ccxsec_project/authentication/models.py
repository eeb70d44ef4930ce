"""What signing in remembers: attempts, second factors and their recovery codes."""

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.db import models


class Scope(StrEnum):
    """Of what failures are counted."""

    PAIR = "name and address"
    NAME = "name"
    ADDRESS = "address"


class Attempts(models.Model):
    """Attempts to sign in that have not succeeded, of one name, one address or both together.

    A name is kept as a code of it only: people type their password into the wrong field.
    """

    scope = models.CharField(max_length=20)
    name_code = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=60, blank=True)
    failures = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    succeeded_at = models.DateTimeField(null=True)  # of a pair: from where somebody is known
    is_told = models.BooleanField(default=False)  # that it is locked, in the audit log

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "name_code", "address"], name="one_count")
        ]

    def __str__(self) -> str:
        return f"{self.scope}: {self.failures} failures"


class Totp(models.Model):
    """An app that shows codes (RFC 6238). Its key is a sealed `Secret`, named by `secret_name`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True)
    confirmed_at = models.DateTimeField(null=True)  # None: not in force yet
    last_step = models.BigIntegerField(default=0)  # number of the last code that was taken

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Authenticator app of {self.user}"

    @property
    def secret_name(self) -> str:
        return f"totp/{self.pk}"


class RecoveryCode(models.Model):
    """The digest of a code that lets somebody in once, without the second factor."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes"
    )
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="one_recovery_code")
        ]

    def __str__(self) -> str:
        return f"Recovery code of {self.user}"


class SecurityKey(models.Model):
    """A WebAuthn credential: a key on USB, a phone, or the computer itself."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="security_keys")
    name = models.CharField(max_length=60)
    host = models.CharField(max_length=253)  # the name (RP ID) under which it was registered
    credential_id = models.BinaryField(unique=True, max_length=1023)
    credential = models.BinaryField()  # attested credential data (WebAuthn, 6.5.1); no secret
    sign_count = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"


class ExternalIdentity(models.Model):
    """Somebody at an OpenID provider: issuer and subject never change, names and mail do."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="external_identity"
    )
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    made_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_external_identity")
        ]

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
