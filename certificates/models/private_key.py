"""Private keys, sealed. Nothing of one is ever shown or downloaded."""

import uuid
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)
from django.db import models

from certificates.models.event import Action, Event
from certificates.models.secret import hold_master_keys
from certificates.secrets import place, seal, unseal
from certificates.x509.facts import KeyType
from certificates.x509.keys import PrivateKeyTypes


class PrivateKeyQuerySet(models.QuerySet["PrivateKey"]):
    def seal(self, key: PrivateKeyTypes) -> "PrivateKey":
        """Keep `key`, in the caller's transaction, which also makes what it belongs to."""
        is_curve = isinstance(key, ec.EllipticCurvePrivateKey)
        row = PrivateKey(
            algorithm=(KeyType.EC if is_curve else KeyType.RSA).value,
            bits=key.key_size,
            public_key_fingerprint=sha256(
                key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            ).hexdigest(),
        )
        hold_master_keys()
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        row.sealed = seal(plain, place(row, "sealed"))
        row.save(force_insert=True)
        return row


class PrivateKey(models.Model):
    """A sealed PKCS#8 key: of a signing request, then of the certificates that were made for it.

    Its primary key is made before the row, as the seal is bound to it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
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
        return f"private key {self.public_key_fingerprint[:16]}…"

    def unseal(self, *, owner: models.Model, actor: str, reason: str) -> PrivateKeyTypes:
        """The key itself; reading it is an event, in the caller's transaction (DESIGN, Event).

        Args:
            owner: the certificate or signing request that it is read for; the event names it.

        Raises:
            SealError: the sealed value was changed or moved, or its master key is gone.
        """
        plain = unseal(bytes(self.sealed), place(self, "sealed"))
        Event.objects.record(actor, Action.KEY_READ, owner, reason=reason)
        # Generated and sealed by ourselves: the costly check of its numbers adds nothing.
        key = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, PrivateKeyTypes)  # noqa: S101 - only such keys are sealed
        return key
