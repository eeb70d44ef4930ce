"""What a policy may say: checked here, as the IKE daemon takes nonsense in silence (IP-2)."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from certificates.refusal import Refused
from certificates.x509.names import host_name
from certificates.x509.visible import visible
from ipsec.policy.choices import Authentication, DhGroup, Esp, IkeVersion, PeerType
from ipsec.policy.definition import FIELD_LABELS, Definition

NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
KEY = re.compile(r"[A-Za-z0-9-]*")
KEY_LENGTHS = range(8, 129)  # characters
LIFE_TIMES = range(60, 2_147_484)  # seconds
PORTS = range(1, 65_536)
NAME_FIELDS = ("group", "name")
_PORT_FIELDS = ("source_port", "destination_port")
_LIFE_FIELDS = ("phase_one_life_time", "phase_two_life_time")
_CHOICE_FIELDS = ("ike_version", "encryption", "hash", "phase_one_dh", "esp", "phase_two_dh")


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that can't stay as it is; `code` is a stable name of the reason."""

    field: str
    code: str
    sentence: str
    cure: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.cure}"

    def refused(self) -> Refused:
        return Refused(self.code, self.sentence, self.cure)


def read_address(text: str) -> str:
    """An address as it is kept: IPv4, IPv6 as in RFC 5952, or a fully qualified name (RFC 5891).

    Raises:
        Refused: policy.address.
    """
    typed = text.strip()
    cure = "Write it like 192.0.2.10, 2001:db8::10 or ccx2.example.com."
    try:
        address = ipaddress.ip_address(typed)
    except ValueError:
        return _read_name(typed, cure)
    shown = visible(typed)[:60]
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            wrong = f"{shown!r} names a network interface."
            raise Refused("policy.address", wrong, "Write the address alone.")
        if address.ipv4_mapped:
            wrong = f"{shown!r} is an IPv4 address in the clothes of IPv6."
            raise Refused("policy.address", wrong, f"Write {address.ipv4_mapped}.")
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise Refused("policy.address", f"{shown!r} is not the address of one host.", cure)
    return str(address)


def _read_name(typed: str, cure: str) -> str:
    wrong = f"{visible(typed)[:60]!r} is neither an IP address nor a fully qualified host name."
    if not typed:
        raise Refused("policy.address", "The address is empty.", cure)
    try:
        name = host_name(typed)
    except Refused as refused:
        raise Refused("policy.address", wrong, cure) from refused
    if "." not in name:
        raise Refused("policy.address", f"{name!r} has no domain.", cure)
    return name


def is_name(address: str) -> bool:
    """Whether an address as `read_address` gives it has to be resolved first."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return True
    return False


def key_fault(key: str) -> Fault | None:
    """What is wrong with a pre-shared key; never says what it holds."""
    code, field = "policy.key", "preshared_key"
    rule = f"{KEY_LENGTHS[0]} to {KEY_LENGTHS[-1]} letters, digits and hyphens"
    if not KEY.fullmatch(key):
        wrong = "The pre-shared key holds blanks or other characters that are not allowed."
        return Fault(field, code, wrong, f"Choose {rule}.")
    if len(key) < KEY_LENGTHS[0]:
        wrong = f"The pre-shared key has {len(key)} characters: one so short is soon guessed."
        return Fault(field, code, wrong, f"Choose {rule}.")
    if len(key) > KEY_LENGTHS[-1]:
        wrong = f"The pre-shared key has {len(key)} characters."
        return Fault(field, code, wrong, f"Choose {rule}.")
    return None


def name_fault(field: str, text: str) -> Fault | None:
    """What is wrong with `text` as the group or the name of a policy."""
    if NAME.fullmatch(text):
        return None
    label = FIELD_LABELS[field]
    wrong = f"{label} {visible(text)[:70]!r}: only letters, digits and hyphens are allowed."
    if not text:
        wrong = f"{label} is empty."
    elif len(text) > 64 and NAME.fullmatch(text[:64]):  # noqa: PLR2004 - as in NAME
        wrong = f"{label} has {len(text)} characters."
    return Fault(field, "policy.name", wrong, "Write 1 to 64 letters, digits and hyphens.")


def faults(definition: Definition, *, allow_legacy: bool = True) -> list[Fault]:
    """All that is wrong with a definition by itself; its addresses are as `read_address` gives.

    Args:
        allow_legacy: the setting CCXSEC_ALLOW_LEGACY (DESIGN rule 3).
    """
    found = [
        *_of_names(definition),
        *_of_authentication(definition),
        *_of_addresses(definition),
        *_of_numbers(definition),
        *_of_ikev1(definition),
    ]
    if definition.phase_one_dh is DhGroup.OFF:
        wrong = "Phase one can't do without a Diffie-Hellman group."
        found.append(Fault("phase_one_dh", "policy.dh", wrong, "Choose one."))
    if not allow_legacy:
        found += [
            Fault(
                field,
                "policy.legacy",
                f"{FIELD_LABELS[field]} {label} is forbidden here (CCXSEC_ALLOW_LEGACY=false).",
                "Choose one that is not marked as legacy.",
            )
            for field, label in legacy_choices(definition)
        ]
    return found


def legacy_choices(definition: Definition) -> list[tuple[str, str]]:
    """Each field whose choice is weak by today's measure, with the label of that choice."""
    chosen = ((field, getattr(definition, field)) for field in _CHOICE_FIELDS)
    return [(field, choice.label) for field, choice in chosen if choice.is_legacy]


def _of_names(definition: Definition) -> Iterable[Fault]:
    for field in NAME_FIELDS:
        fault = name_fault(field, getattr(definition, field))
        if fault:
            yield fault


def _of_authentication(definition: Definition) -> Iterable[Fault]:
    is_key = definition.authentication is Authentication.PRESHARED_KEY
    is_different = definition.peer_type is PeerType.DIFFERENT
    if is_key and is_different:
        wrong = "Peer Type Different names a certificate, and this policy uses a pre-shared key."
        yield Fault("peer_type", "policy.peer-type", wrong, "Choose Same, or Certificate above.")
    if definition.certificate_name and (is_key or not is_different):
        wrong = "A Certificate Name applies to the Peer Type Different with certificates only."
        yield Fault("certificate_name", "policy.certificate-name", wrong, "Leave it empty.")
    if not definition.certificate_name and is_different and not is_key:
        wrong = "Peer Type Different needs the name of the peer's certificate."
        cure = "Choose one of the ipsec-trust store; upload it there first if it is missing."
        yield Fault("certificate_name", "policy.certificate-name", wrong, cure)


def _of_addresses(definition: Definition) -> Iterable[Fault]:
    source, destination = definition.source_address, definition.destination_address
    if source == destination:
        wrong = f"Source and destination are both {source}."
        cure = "The source is this server, the destination is its peer."
        yield Fault("destination_address", "policy.same-host", wrong, cure)
    if not is_name(source) and not is_name(destination) and (":" in source) != (":" in destination):
        wrong = f"{source} and {destination} are addresses of two families."
        cure = "Write both as IPv4, or both as IPv6."
        yield Fault("destination_address", "policy.family", wrong, cure)


def _of_numbers(definition: Definition) -> Iterable[Fault]:
    for field in (*_PORT_FIELDS, "remote_port"):
        port = getattr(definition, field)
        if port not in PORTS and (port or field == "remote_port"):
            wrong = f"{FIELD_LABELS[field]} {port} does not exist."
            cure = "Write 1 to 65535" + (", or Any." if field in _PORT_FIELDS else ".")
            yield Fault(field, "policy.port", wrong, cure)
    for field in _LIFE_FIELDS:
        seconds = getattr(definition, field)
        if seconds not in LIFE_TIMES:
            wrong = f"{FIELD_LABELS[field]} is {seconds} seconds."
            cure = f"Write {LIFE_TIMES[0]} to {LIFE_TIMES[-1]} seconds."
            yield Fault(field, "policy.life-time", wrong, cure)


def _of_ikev1(definition: Definition) -> Iterable[Fault]:
    """What IKEv1 has no number for in its IANA registries."""
    if definition.ike_version is not IkeVersion.IKEV1:
        return
    cure = "Choose IKEv2, or another one."
    if definition.encryption.is_combined:
        wrong = f"IKEv1 does not know {definition.encryption.label} in phase one."
        yield Fault("encryption", "policy.ikev1", wrong, cure)
    if definition.esp is Esp.CHACHA20_POLY1305:
        wrong = f"IKEv1 does not know {definition.esp.label}."
        yield Fault("esp", "policy.ikev1", wrong, cure)
    for field in ("phase_one_dh", "phase_two_dh"):
        group = getattr(definition, field)
        if group is DhGroup.GROUP_31:
            wrong = f"IKEv1 does not know the Diffie-Hellman group {group.label}."
            yield Fault(field, "policy.ikev1", wrong, cure)
