"""Profiles: the phases of a new policy, filled in at one click (IP-2).

*Modern* is where a new policy starts. *FIPS* keeps to what NIST SP 800-77 Rev. 1 (section 3)
and SP 800-131A Rev. 2 approve. *Unified CCX* is what the original fills in.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from certificates.sentence import say
from ipsec.policy.choices import DhGroup, Encryption, Esp, Hash, IkeVersion


@dataclass(frozen=True, slots=True)
class Profile:
    """A label, what it is for, and the values of the fields that it sets."""

    label: str
    about: str
    fields: dict[str, Any]


class ProfileName(StrEnum):
    MODERN = "modern"
    FIPS = "fips"
    UNIFIED_CCX = "unified-ccx"


PROFILES: dict[ProfileName, Profile] = {
    ProfileName.MODERN: Profile(
        say("Modern"),
        say("IKEv2, AES-256-GCM, SHA-384, group 20"),
        {
            "ike_version": IkeVersion.IKEV2,
            "encryption": Encryption.AES_256_GCM,
            "hash": Hash.SHA384,
            "phase_one_life_time": 28_800,
            "phase_one_dh": DhGroup.GROUP_20,
            "esp": Esp.AES_256_GCM,
            "phase_two_life_time": 3_600,
            "phase_two_dh": DhGroup.GROUP_20,
        },
    ),
    ProfileName.FIPS: Profile(
        "FIPS",
        say("IKEv2, AES-256, SHA-256, group 14: approved algorithms that older peers know too"),
        {
            "ike_version": IkeVersion.IKEV2,
            "encryption": Encryption.AES_256,
            "hash": Hash.SHA256,
            "phase_one_life_time": 28_800,
            "phase_one_dh": DhGroup.GROUP_14,
            "esp": Esp.AES_256_GCM,
            "phase_two_life_time": 3_600,
            "phase_two_dh": DhGroup.GROUP_14,
        },
    ),
    ProfileName.UNIFIED_CCX: Profile(
        "Unified CCX",
        say(
            "IKEv1, 3DES, SHA1, group 2: what the original fills in, for peers that know no better"
        ),
        {
            "ike_version": IkeVersion.IKEV1,
            "encryption": Encryption.TRIPLE_DES,
            "hash": Hash.SHA1,
            "phase_one_life_time": 3_600,
            "phase_one_dh": DhGroup.GROUP_2,
            "esp": Esp.TRIPLE_DES,
            "phase_two_life_time": 3_600,
            "phase_two_dh": DhGroup.GROUP_2,
        },
    ),
}
