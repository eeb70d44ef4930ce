"""The columns that are read from a certificate's bytes, once, when its row is made."""

import ssl
from functools import cache
from typing import Any

from django.db import models

from certificates.x509.facts import CertificateType, Facts, KeyType
from certificates.x509.policy import is_legacy_key

CLASSIFIED = [(member.value, member.label) for member in CertificateType]
KEY_TYPES = [(member.value, member.label) for member in KeyType]


class ReadColumns(models.Model):
    """Exact bytes, and every column that a list finds or sorts by; never edited.

    All text is attacker-controlled; invisible characters are kept as escapes (`visible`).
    """

    der = models.BinaryField(help_text="The exact bytes that were read.")
    common_name = models.CharField(max_length=255, blank=True)
    subject = models.TextField(help_text="RFC 4514 text.")
    issuer_common_name = models.CharField("issued by", max_length=255, blank=True)
    issuer = models.TextField(help_text="RFC 4514 text.")
    serial_number = models.CharField(max_length=80, help_text="Lower-case hexadecimal.")
    not_before = models.DateTimeField(null=True)
    not_after = models.DateTimeField("expiration", null=True, help_text="Last valid second, UTC.")
    type = models.CharField(max_length=12, choices=CLASSIFIED)
    key_type = models.CharField(max_length=8, choices=KEY_TYPES)
    key_bits = models.PositiveIntegerField(help_text="Of the modulus or the curve; 0: unknown.")
    key_label = models.CharField("key", max_length=24, help_text="Such as RSA 3072, EC P-256.")
    signature_algorithm = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the DER, hexadecimal.")
    fingerprint_sha1 = models.CharField("SHA-1 fingerprint", max_length=40)
    subject_key_identifier = models.CharField(max_length=128, blank=True)
    authority_key_identifier = models.CharField(max_length=128, blank=True)
    subject_digest = models.CharField(
        max_length=64, help_text="Equal for names that RFC 5280, 7.1 calls equal."
    )
    issuer_digest = models.CharField(max_length=64)
    subject_alternative_names = models.TextField(blank=True)
    undecoded = models.JSONField(default=list, help_text="Parts that can't be decoded, in words.")

    class Meta:
        abstract = True

    @property
    def is_legacy(self) -> bool:
        """Weak by today's measure, and so marked wherever it is shown (DESIGN rule 3)."""
        return is_legacy_key(self.key_type, self.key_bits) or self.has_weak_signature

    @property
    def has_weak_signature(self) -> bool:
        return self.signature_algorithm.startswith(("MD", "SHA-1 "))

    @property
    def pem(self) -> bytes:
        """The certificate in PEM with Unix line ends (CM-24); the DER inside is exact."""
        return ssl.DER_cert_to_PEM_cert(bytes(self.der)).encode()


def columns(facts: Facts) -> dict[str, Any]:
    """The derived columns, each within its length."""
    values = {field: getattr(facts, field) for field in facts.__slots__}
    values["undecoded"] = list(facts.undecoded)
    for name, length in _lengths():
        text = values[name]
        if len(text) > length:
            values[name] = text[: length - 1] + "…"
    return values


@cache
def _lengths() -> list[tuple[str, int]]:
    """The text columns that hold so many characters at most."""
    fields = ReadColumns._meta.get_fields()
    return [
        (field.name, field.max_length)
        for field in fields
        if isinstance(field, models.CharField) and field.max_length
    ]
