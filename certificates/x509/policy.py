"""Which keys the product makes, and which it calls weak.

The manual allows RSA of 1024, 2048, 3072 and 4096 bits (CM-8, CM-16); the elliptic curves are
ours. Legacy by NIST SP 800-131A Rev. 2, section 3: RSA under 2048 bits.
"""

from enum import StrEnum

from certificates.sentence import say

LEGACY_RSA_BITS = 2048
# CA/Browser Forum Baseline Requirements, 6.3.2: what browsers accept from public CAs, in days.
BROWSER_DAYS = 398
DEFAULT_DAYS = 5 * 365 + 1  # five years, as the original
MAXIMUM_DAYS = 36_500


class KeyChoice(StrEnum):
    """A key that can be generated."""

    RSA_1024 = "rsa-1024"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    EC_P521 = "ec-p521"

    @property
    def is_rsa(self) -> bool:
        return self.value.startswith("rsa-")

    @property
    def bits(self) -> int:
        """Length of the RSA modulus, or of the curve's field."""
        return int(self.value.removeprefix("rsa-").removeprefix("ec-p"))

    @property
    def is_legacy(self) -> bool:
        return self.is_rsa and self.bits < LEGACY_RSA_BITS

    @property
    def label(self) -> str:
        if self.is_rsa:
            if self.is_legacy:
                return say("RSA {bits} bits (legacy)", bits=self.bits)
            return say("RSA {bits} bits", bits=self.bits)
        return say("EC P-{bits} (beyond the original)", bits=self.bits)


KEY_LENGTHS = tuple(choice.bits for choice in KeyChoice if choice.is_rsa)


def is_legacy_key(key_type: str, bits: int) -> bool:
    """Whether a key of a certificate is weak by today's measure; 0 bits: unknown."""
    return key_type == "DSA" or (key_type == "RSA" and 0 < bits < LEGACY_RSA_BITS)
