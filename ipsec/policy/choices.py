"""The choices of the manual's Table 2 under its names, and beside them those of today (IP-2).

Legacy is what RFC 8247 (IKEv2) and RFC 8221 (ESP) call MUST NOT or SHOULD NOT, and what DESIGN
rule 3 names: DES, 3DES, Blowfish, NULL encryption, MD5, SHA-1, Diffie-Hellman groups 1, 2 and 5.
"""

from enum import IntEnum, StrEnum

from certificates.sentence import say


class Authentication(StrEnum):
    PRESHARED_KEY = "psk"
    CERTIFICATE = "certificate"

    @property
    def label(self) -> str:
        return say("Pre-shared Key") if self is Authentication.PRESHARED_KEY else say("Certificate")


class PeerType(StrEnum):
    """Same: whoever the `ipsec-trust` store vouches for; Different: one named certificate."""

    SAME = "same"
    DIFFERENT = "different"

    @property
    def label(self) -> str:
        return say("Same") if self is PeerType.SAME else say("Different")


class Mode(StrEnum):
    TRANSPORT = "transport"

    @property
    def label(self) -> str:
        return say("Transport")


class Protocol(StrEnum):
    ANY = "any"
    TCP = "tcp"
    UDP = "udp"

    @property
    def label(self) -> str:
        return say("Any") if self is Protocol.ANY else self.value.upper()


class IkeVersion(IntEnum):
    IKEV1 = 1
    IKEV2 = 2

    @property
    def label(self) -> str:
        return f"IKEv{self.value}"

    @property
    def is_legacy(self) -> bool:
        """RFC 9395, section 3: IKEv1 is historic. Its weakness is what it negotiates, though."""
        return False


class _Cipher(StrEnum):
    """An encryption algorithm; the value is what is stored, exported and typed on commands."""

    @property
    def label(self) -> str:
        return _LABELS.get(self.value, self.value)

    @property
    def is_legacy(self) -> bool:
        return self.value in {"NULL_ENC", "DES", "3DES", "BLOWFISH"}

    @property
    def is_combined(self) -> bool:
        """Whether it authenticates too, so that no hash is used for integrity (RFC 5116)."""
        return "GCM" in self.value or "POLY1305" in self.value


class Encryption(_Cipher):
    """Of phase one (IKE)."""

    DES = "DES"
    TRIPLE_DES = "3DES"
    AES_128 = "AES-128"
    AES_256 = "AES-256"
    AES_128_GCM = "AES-128-GCM"
    AES_256_GCM = "AES-256-GCM"
    CHACHA20_POLY1305 = "CHACHA20-POLY1305"


class Esp(_Cipher):
    """Of phase two (ESP)."""

    NULL_ENC = "NULL_ENC"
    DES = "DES"
    TRIPLE_DES = "3DES"
    BLOWFISH = "BLOWFISH"
    RIJNDAEL = "RIJNDAEL"
    AES_128 = "AES-128"
    AES_256 = "AES-256"
    AES_128_GCM = "AES-128-GCM"
    AES_256_GCM = "AES-256-GCM"
    CHACHA20_POLY1305 = "CHACHA20-POLY1305"


_LABELS = {"RIJNDAEL": "RIJNDAEL (AES-128)", "CHACHA20-POLY1305": "ChaCha20-Poly1305"}


class Hash(StrEnum):
    """Of phase one, and the integrity of phase two where its cipher brings none."""

    MD5 = "MD5"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"

    @property
    def label(self) -> str:
        return self.value.replace("SHA", "SHA-") if self.value > "SHA2" else self.value

    @property
    def is_legacy(self) -> bool:
        return self in {Hash.MD5, Hash.SHA1}


class DhGroup(IntEnum):
    """Diffie-Hellman groups by their IANA numbers; OFF: no exchange of its own in phase two."""

    OFF = 0
    GROUP_1 = 1
    GROUP_2 = 2
    GROUP_5 = 5
    GROUP_14 = 14
    GROUP_15 = 15
    GROUP_16 = 16
    GROUP_17 = 17
    GROUP_18 = 18
    GROUP_19 = 19
    GROUP_20 = 20
    GROUP_21 = 21
    GROUP_31 = 31

    @property
    def label(self) -> str:
        return f"{self.value} ({_DH_NAMES[self.value]})" if self.value else say("Off")

    @property
    def is_legacy(self) -> bool:
        return self.value in {1, 2, 5}


_DH_NAMES = {
    1: "MODP 768",
    2: "MODP 1024",
    5: "MODP 1536",
    14: "MODP 2048",
    15: "MODP 3072",
    16: "MODP 4096",
    17: "MODP 6144",
    18: "MODP 8192",
    19: "ECP 256",
    20: "ECP 384",
    21: "ECP 521",
    31: "Curve25519",
}
PHASE_ONE_GROUPS = tuple(group for group in DhGroup if group is not DhGroup.OFF)
