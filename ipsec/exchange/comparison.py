"""Our policy beside what the other side's export says that it must be (Compare with peer)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from certificates.sentence import say
from ipsec.exchange.mirror import names_certificate
from ipsec.policy.choices import Authentication, Esp, IkeVersion, Protocol
from ipsec.policy.definition import ANY_PORT, FIELD_LABELS, IKE_PORT, Definition
from ipsec.policy.rules import is_name
from ipsec.policy.terms import NAT_PORT


class Effect(StrEnum):
    """What a difference comes to when the two sides negotiate."""

    FAILS = "fails"  # they don't come to terms
    NARROWER = "narrower"  # they do, and protect less traffic than one of them is set to
    DIFFERS = "differs"  # they do, or it can't be told from here

    @property
    def label(self) -> str:
        return {
            Effect.FAILS: say("Would fail to negotiate"),
            Effect.NARROWER: say("Would protect less"),
            Effect.DIFFERS: say("Only differs"),
        }[self]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which they are not the same; `ours` and `theirs` as a screen shows them."""

    field: str
    label: str
    ours: str
    theirs: str
    effect: Effect
    sentence: str
    cure: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    effect: Effect
    sentence: str
    cure: str = ""


def compare(ours: Definition, theirs: Definition) -> list[Difference]:
    """Every difference, in the order of the fields; empty when the two sides agree.

    Args:
        theirs: what the other side's export says that *this* server must be set to.
    """
    return list(_differences(ours, theirs))


def _differences(ours: Definition, theirs: Definition) -> Iterator[Difference]:
    for field, label in FIELD_LABELS.items():
        our_value, their_value = getattr(ours, field), getattr(theirs, field)
        if our_value == their_value:
            continue
        verdict = _JUDGES.get(field, _must_agree)(field, ours, theirs)
        if verdict is None:
            continue
        yield Difference(
            field=field,
            label=label,
            ours=_text(field, our_value),
            theirs=_text(field, their_value),
            effect=verdict.effect,
            sentence=verdict.sentence,
            cure=verdict.cure,
        )


def closest(ours: Definition, exported: Sequence[Definition]) -> Definition | None:
    """The policy of the export that is meant by ours: by its name, else by its traffic.

    None: the export has none for the same two hosts.
    """
    by_name = [theirs for theirs in exported if str(theirs) == str(ours)]
    if by_name:
        return by_name[0]
    same_hosts = [theirs for theirs in exported if theirs.pair == ours.pair]
    return min(same_hosts, key=lambda theirs: _distance(ours, theirs), default=None)


def _distance(ours: Definition, theirs: Definition) -> tuple[int, int]:
    found = compare(ours, theirs)
    return len([one for one in found if one.effect is Effect.FAILS]), len(found)


def _text(field: str, value: object) -> str:
    if field in {"source_port", "destination_port"} and value == ANY_PORT:
        return say("Any")
    if field.endswith("life_time"):
        return say("{seconds} s", seconds=f"{value:,}")
    return str(getattr(value, "label", value)) if isinstance(value, Enum) else str(value)


def _must_agree(field: str, ours: Definition, theirs: Definition) -> _Verdict:
    sentence = say("{label} must be the same on both sides.", label=FIELD_LABELS[field])
    return _Verdict(Effect.FAILS, sentence, _set_to(field, theirs))


def _set_to(field: str, theirs: Definition) -> str:
    value = _text(field, getattr(theirs, field))
    return say(
        "Set {label} to {value} here, or change it on the other side.",
        label=FIELD_LABELS[field],
        value=value,
    )


def _name(_field: str, _ours: Definition, _theirs: Definition) -> _Verdict:
    return _Verdict(Effect.DIFFERS, say("Names are not negotiated: each side has its own."))


def _life_time(_field: str, _ours: Definition, _theirs: Definition) -> _Verdict:
    sentence = say("Life times need not agree: the side with the shorter one renews the keys.")
    return _Verdict(Effect.DIFFERS, sentence)


def _peer_type(_field: str, ours: Definition, theirs: Definition) -> _Verdict | None:
    if Authentication.PRESHARED_KEY in {ours.authentication, theirs.authentication}:
        return None  # it says nothing there
    sentence = say("Each side chooses for itself whether it accepts one certificate or a whole CA.")
    return _Verdict(Effect.DIFFERS, sentence)


def _certificate_name(_field: str, ours: Definition, theirs: Definition) -> _Verdict | None:
    if not (names_certificate(ours) and names_certificate(theirs)):
        return None
    sentence = say(
        "The two sides may call one certificate by two names; the certificates must agree."
    )
    cure = say(
        "Compare the fingerprint of the named certificate with that of the other side's own."
    )
    return _Verdict(Effect.DIFFERS, sentence, cure)


def _address(field: str, ours: Definition, theirs: Definition) -> _Verdict:
    if not (is_name(getattr(ours, field)) or is_name(getattr(theirs, field))):
        return _must_agree(field, ours, theirs)
    sentence = say(
        "A host name is resolved when the daemon needs it: whether both mean one host, ask it."
    )
    return _Verdict(Effect.DIFFERS, sentence, say("Look the host name up on both sides."))


def _traffic(field: str, ours: Definition, theirs: Definition) -> _Verdict:
    """RFC 7296, 2.9: IKEv2 agrees on what both have in common; so does strongSwan in IKEv1."""
    everything: int | Protocol = Protocol.ANY if field == "protocol" else ANY_PORT
    if everything not in {getattr(ours, field), getattr(theirs, field)}:
        return _must_agree(field, ours, theirs)
    label = FIELD_LABELS[field]
    sentence = say(
        "{label} is wider on the other side: only what this side names is protected.",
        label=label,
    )
    if getattr(ours, field) == everything:
        sentence = say(
            "{label} is wider on this side: only what the other side names is protected.",
            label=label,
        )
    return _Verdict(Effect.NARROWER, sentence, _set_to(field, theirs))


def _remote_port(field: str, ours: Definition, theirs: Definition) -> _Verdict:
    """500 and 4500 belong together: a daemon that listens at one listens at the other."""
    ports = {ours.remote_port, theirs.remote_port}
    if ports == {IKE_PORT, NAT_PORT}:
        sentence = say("An IKE daemon listens at both ports, 500 and 4500.")
        return _Verdict(Effect.DIFFERS, sentence, _set_to(field, theirs))
    port = next(iter(sorted(ports - {IKE_PORT, NAT_PORT})))
    sentence = say(
        "An IKE daemon must listen at the port {port}, which an export can't tell.", port=port
    )
    cure = say(
        "On the other side, have the daemon listen there, or set {label} to 500.",
        label=FIELD_LABELS[field],
    )
    if IKE_PORT in ports:
        return _Verdict(Effect.FAILS, sentence, cure)
    return _Verdict(Effect.DIFFERS, sentence, cure)


def _esp(field: str, ours: Definition, theirs: Definition) -> _Verdict:
    if {ours.esp, theirs.esp} == {Esp.RIJNDAEL, Esp.AES_128}:
        return _Verdict(
            Effect.DIFFERS, say("RIJNDAEL is the older name of AES-128: they are the same.")
        )
    return _must_agree(field, ours, theirs)


def _phase_two_dh(field: str, ours: Definition, theirs: Definition) -> _Verdict:
    """RFC 7296, 1.2: the first keys of phase two come from phase one, so it begins well."""
    if IkeVersion.IKEV1 in {ours.ike_version, theirs.ike_version}:
        return _must_agree(field, ours, theirs)
    seconds = min(ours.phase_two_life_time, theirs.phase_two_life_time)
    sentence = say(
        "{label} must be the same on both sides. IKEv2 uses it from the first renewal on: it"
        " connects, and fails within {seconds} seconds.",
        label=FIELD_LABELS[field],
        seconds=f"{seconds:,}",
    )
    return _Verdict(Effect.FAILS, sentence, _set_to(field, theirs))


_JUDGES: dict[str, Callable[[str, Definition, Definition], _Verdict | None]] = {
    "group": _name,
    "name": _name,
    "peer_type": _peer_type,
    "certificate_name": _certificate_name,
    "source_address": _address,
    "source_port": _traffic,
    "destination_address": _address,
    "destination_port": _traffic,
    "protocol": _traffic,
    "remote_port": _remote_port,
    "phase_one_life_time": _life_time,
    "esp": _esp,
    "phase_two_life_time": _life_time,
    "phase_two_dh": _phase_two_dh,
}
