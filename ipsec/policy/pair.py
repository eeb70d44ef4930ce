"""What several policies of one server must not do to each other (IP-2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from certificates.sentence import say
from ipsec.policy.definition import FIELD_LABELS, SHARED_FIELDS, Definition
from ipsec.policy.rules import Fault


@dataclass(frozen=True, slots=True)
class Overlap:
    """Some packets fit both policies; the kernel takes the narrower one, where there is one."""

    other: Definition
    narrower: Definition | None

    def __str__(self) -> str:
        if self.narrower:
            return say(
                "Some packets fit this policy and {other}; {narrower}, the narrower one, takes"
                " them.",
                other=self.other,
                narrower=self.narrower,
            )
        return say(
            "Some packets fit this policy and {other}; which one takes them is not said.",
            other=self.other,
        )


def pair_faults(definition: Definition, others: Iterable[Definition]) -> list[Fault]:
    """Where a definition contradicts others of this server, each by name and field."""
    found: list[Fault] = []
    for other in others:
        if str(other) == str(definition):
            wrong = say("There is a policy {policy} already.", policy=definition)
            cure = say("Choose another name, or change that one.")
            found.append(Fault("name", "policy.taken", wrong, cure))
        if other.pair == definition.pair:
            found += _disagreements(definition, other)
            if _selectors(definition) == _selectors(other):
                wrong = say("{other} protects exactly the same traffic.", other=other)
                cure = say("Change that policy, or choose another protocol or port.")
                found.append(Fault("protocol", "policy.duplicate", wrong, cure))
        elif other.pair == definition.pair[::-1]:
            wrong = say(
                "{other} is for the same two hosts with source and destination swapped.",
                other=other,
            )
            cure = say("The source is this server in every policy: change the one that is wrong.")
            found.append(Fault("source_address", "policy.swapped", wrong, cure))
    return found


def _disagreements(definition: Definition, other: Definition) -> Iterable[Fault]:
    for field in SHARED_FIELDS:
        mine, theirs = getattr(definition, field), getattr(other, field)
        if mine != theirs:
            label = FIELD_LABELS[field]
            wrong = say(
                "{label} is {mine} here and {theirs} in {other}, which is for the same two hosts:"
                " they share phase one and authentication.",
                label=label,
                mine=shown(mine),
                theirs=shown(theirs),
                other=other,
            )
            cure = say(
                "Choose {theirs}, or change all policies of the two hosts together.",
                theirs=shown(theirs),
            )
            yield Fault(field, "policy.pair", wrong, cure)


def overlaps(definition: Definition, others: Iterable[Definition]) -> list[Overlap]:
    """The other policies of the same pair whose traffic this one touches, but equals in none."""
    found = []
    for other in others:
        same_pair = other.pair == definition.pair and str(other) != str(definition)
        mine, theirs = _selectors(definition), _selectors(other)
        if same_pair and mine != theirs and _meet(mine, theirs):
            narrower = None
            if _is_within(mine, theirs):
                narrower = definition
            elif _is_within(theirs, mine):
                narrower = other
            found.append(Overlap(other, narrower))
    return found


def shown(value: object) -> str:
    """A field's value as the screens show it."""
    label = getattr(value, "label", None)
    return str(label) if label is not None else str(value) or say("empty")


def _selectors(definition: Definition) -> tuple[object, int, int]:
    protocol = "" if definition.protocol == "any" else definition.protocol
    return protocol, definition.source_port, definition.destination_port


def _meet(one: tuple[object, ...], two: tuple[object, ...]) -> bool:
    return all(a == b or not a or not b for a, b in zip(one, two, strict=True))


def _is_within(one: tuple[object, ...], two: tuple[object, ...]) -> bool:
    """Whether all that fits `one` fits `two`: there each part is the same, or any."""
    return all(a == b or not b for a, b in zip(one, two, strict=True))
