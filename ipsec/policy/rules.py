"""What a policy may say: checked here, as the IKE daemon takes nonsense in silence (IP-2)."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from certificates.refusal import Refused
from certificates.sentence import say, together
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
        return together(self.sentence, self.cure)

    def refused(self) -> Refused:
        return Refused(self.code, self.sentence, self.cure)


def read_address(text: str) -> str:
    """An address as it is kept: IPv4, IPv6 as in RFC 5952, or a fully qualified name (RFC 5891).

    Raises:
        Refused: policy.address.
    """
    typed = text.strip()
    cure = say("Write it like 192.0.2.10, 2001:db8::10 or ccx2.example.com.")
    try:
        address = ipaddress.ip_address(typed)
    except ValueError:
        return _read_name(typed, cure)
    shown = visible(typed)[:60]
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            wrong = say("{shown} names a network interface.", shown=repr(shown))
            raise Refused("policy.address", wrong, say("Write the address alone."))
        if address.ipv4_mapped:
            wrong = say("{shown} is an IPv4 address in the clothes of IPv6.", shown=repr(shown))
            raise Refused(
                "policy.address",
                wrong,
                say("Write {address}.", address=address.ipv4_mapped),
            )
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise Refused(
            "policy.address",
            say("{shown} is not the address of one host.", shown=repr(shown)),
            cure,
        )
    return str(address)


def _read_name(typed: str, cure: str) -> str:
    wrong = say(
        "{typed} is neither an IP address nor a fully qualified host name.",
        typed=repr(visible(typed)[:60]),
    )
    if not typed:
        raise Refused("policy.address", say("The address is empty."), cure)
    try:
        name = host_name(typed)
    except Refused as refused:
        raise Refused("policy.address", wrong, cure) from refused
    if "." not in name:
        raise Refused("policy.address", say("{name} has no domain.", name=repr(name)), cure)
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
    cure = say(
        "Choose {least} to {most} letters, digits and hyphens.",
        least=KEY_LENGTHS[0],
        most=KEY_LENGTHS[-1],
    )
    if not KEY.fullmatch(key):
        wrong = say("The pre-shared key holds blanks or other characters that are not allowed.")
        return Fault(field, code, wrong, cure)
    if len(key) < KEY_LENGTHS[0]:
        wrong = say(
            "The pre-shared key has {count} characters: one so short is soon guessed.",
            count=len(key),
        )
        return Fault(field, code, wrong, cure)
    if len(key) > KEY_LENGTHS[-1]:
        wrong = say("The pre-shared key has {count} characters.", count=len(key))
        return Fault(field, code, wrong, cure)
    return None


def name_fault(field: str, text: str) -> Fault | None:
    """What is wrong with `text` as the group or the name of a policy."""
    if NAME.fullmatch(text):
        return None
    label = FIELD_LABELS[field]
    wrong = say(
        "{label} {text}: only letters, digits and hyphens are allowed.",
        label=label,
        text=repr(visible(text)[:70]),
    )
    if not text:
        wrong = say("{label} is empty.", label=label)
    elif len(text) > 64 and NAME.fullmatch(text[:64]):  # noqa: PLR2004 - as in NAME
        wrong = say("{label} has {count} characters.", label=label, count=len(text))
    return Fault(field, "policy.name", wrong, say("Write 1 to 64 letters, digits and hyphens."))


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
        wrong = say("Phase one can't do without a Diffie-Hellman group.")
        found.append(Fault("phase_one_dh", "policy.dh", wrong, say("Choose one.")))
    if not allow_legacy:
        found += [
            Fault(
                field,
                "policy.legacy",
                say(
                    "{label} {choice} is forbidden here (CCXSEC_ALLOW_LEGACY=false).",
                    label=FIELD_LABELS[field],
                    choice=label,
                ),
                say("Choose one that is not marked as legacy."),
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
        wrong = say(
            "Peer Type Different names a certificate, and this policy uses a pre-shared key."
        )
        yield Fault(
            "peer_type", "policy.peer-type", wrong, say("Choose Same, or Certificate above.")
        )
    if definition.certificate_name and (is_key or not is_different):
        wrong = say("A Certificate Name applies to the Peer Type Different with certificates only.")
        yield Fault("certificate_name", "policy.certificate-name", wrong, say("Leave it empty."))
    if not definition.certificate_name and is_different and not is_key:
        wrong = say("Peer Type Different needs the name of the peer's certificate.")
        cure = say("Choose one of the ipsec-trust store; upload it there first if it is missing.")
        yield Fault("certificate_name", "policy.certificate-name", wrong, cure)


def _of_addresses(definition: Definition) -> Iterable[Fault]:
    source, destination = definition.source_address, definition.destination_address
    if source == destination:
        wrong = say("Source and destination are both {source}.", source=source)
        cure = say("The source is this server, the destination is its peer.")
        yield Fault("destination_address", "policy.same-host", wrong, cure)
    if not is_name(source) and not is_name(destination) and (":" in source) != (":" in destination):
        wrong = say(
            "{source} and {destination} are addresses of two families.",
            source=source,
            destination=destination,
        )
        cure = say("Write both as IPv4, or both as IPv6.")
        yield Fault("destination_address", "policy.family", wrong, cure)


def _of_numbers(definition: Definition) -> Iterable[Fault]:
    for field in (*_PORT_FIELDS, "remote_port"):
        port = getattr(definition, field)
        if port not in PORTS and (port or field == "remote_port"):
            wrong = say("{label} {port} does not exist.", label=FIELD_LABELS[field], port=port)
            cure = say("Write 1 to 65535.")
            if field in _PORT_FIELDS:
                cure = say("Write 1 to 65535, or Any.")
            yield Fault(field, "policy.port", wrong, cure)
    for field in _LIFE_FIELDS:
        seconds = getattr(definition, field)
        if seconds not in LIFE_TIMES:
            wrong = say(
                "{label} is {seconds} seconds.",
                label=FIELD_LABELS[field],
                seconds=seconds,
            )
            cure = say(
                "Write {least} to {most} seconds.",
                least=LIFE_TIMES[0],
                most=LIFE_TIMES[-1],
            )
            yield Fault(field, "policy.life-time", wrong, cure)


def _of_ikev1(definition: Definition) -> Iterable[Fault]:
    """What IKEv1 has no number for in its IANA registries."""
    if definition.ike_version is not IkeVersion.IKEV1:
        return
    cure = say("Choose IKEv2, or another one.")
    if definition.encryption.is_combined:
        wrong = say(
            "IKEv1 does not know {encryption} in phase one.", encryption=definition.encryption.label
        )
        yield Fault("encryption", "policy.ikev1", wrong, cure)
    if definition.esp is Esp.CHACHA20_POLY1305:
        wrong = say("IKEv1 does not know {esp}.", esp=definition.esp.label)
        yield Fault("esp", "policy.ikev1", wrong, cure)
    for field in ("phase_one_dh", "phase_two_dh"):
        group = getattr(definition, field)
        if group is DhGroup.GROUP_31:
            wrong = say("IKEv1 does not know the Diffie-Hellman group {group}.", group=group.label)
            yield Fault(field, "policy.ikev1", wrong, cure)
