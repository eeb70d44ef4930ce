"""Private keys, sealed. Nothing of one is ever shown or downloaded."""

import uuid

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from django.db import models

from certificates.models.certificate import Certificate
from certificates.models.event import Action, Event
from certificates.models.secret import hold_master_keys
from certificates.secrets import place, seal, unseal
from certificates.x509.facts import public_key_fingerprint
from certificates.x509.keys import PrivateKeyTypes


class PrivateKeyQuerySet(models.QuerySet["PrivateKey"]):
    def seal(self, certificate: Certificate, key: PrivateKeyTypes) -> "PrivateKey":
        """Keep `key` as the key of `certificate`, in the caller's transaction."""
        row = PrivateKey(
            certificate=certificate,
            algorithm=certificate.key_type,
            bits=certificate.key_bits,
            public_key_fingerprint=public_key_fingerprint(key.public_key()),
        )
        hold_master_keys()
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row.sealed = seal(plain, place(row, "sealed"))
        row.save(force_insert=True)
        return row


class PrivateKey(models.Model):
    """A sealed PKCS#8 key. Its primary key is made before the row, as the seal is bound to it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    certificate = models.OneToOneField(Certificate, models.CASCADE, related_name="private_key")
    algorithm = models.CharField(max_length=8)
    bits = models.PositiveIntegerField()
    public_key_fingerprint = models.CharField(
        max_length=64, db_index=True, help_text="SHA-256 of the SubjectPublicKeyInfo, hexadecimal."
    )
    sealed = models.BinaryField()

    objects = PrivateKeyQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"private key of the {self.certificate}"

    def unseal(self, *, actor: str, reason: str) -> PrivateKeyTypes:
        """The key itself; reading it is an event, in the caller's transaction (DESIGN, Event).

        Raises:
            SealError: the sealed value was changed or moved, or its master key is gone.
        """
        plain = unseal(bytes(self.sealed), place(self, "sealed"))
        Event.objects.record(actor, Action.KEY_READ, self.certificate, reason=reason)
        # Generated and sealed by ourselves: the costly check of its numbers adds nothing.
        key = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, PrivateKeyTypes)  # noqa: S101 - only such keys are sealed
        return key
