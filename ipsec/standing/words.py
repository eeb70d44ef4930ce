"""What is heard of policies in one round, and the verdict on one of them (IP-7)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from certificates.sentence import say, say_as
from ipsec.associations import Association, Child, Loaded, Trap
from ipsec.kernel import KernelPolicy
from ipsec.policy.definition import Definition
from ipsec.policy.terms import OURS, policy_of


class Word(StrEnum):
    """In force: packets go under the algorithms that are configured, and no others."""

    IN_FORCE = "in force"
    WAITING = "waiting for traffic"
    NEGOTIATING = "negotiating"
    FAILED = "failed"
    DRIFT = "drift"
    NOT_IN_FORCE = "not in force"
    DISABLED = "disabled"

    @property
    def label(self) -> str:
        """The word on the screens."""
        return _WORD_LABELS[self]


class Leak(StrEnum):
    """What happens to a packet that fits the policy, were it sent now."""

    PROTECTED = "protected"
    BLOCKED = "blocked"
    CLEAR = "in the clear"
    UNKNOWN = "unknown"

    @property
    def label(self) -> str:
        """The word on the screens."""
        return _LEAK_LABELS[self]


_WORD_LABELS = {
    Word.IN_FORCE: say_as("state of a policy", "In force"),
    Word.WAITING: say("Waiting for traffic"),
    Word.NEGOTIATING: say("Negotiating"),
    Word.FAILED: say("Failed"),
    Word.DRIFT: say("Drift"),
    Word.NOT_IN_FORCE: say("Not in force"),
    Word.DISABLED: say("Disabled"),
}
_LEAK_LABELS = {
    Leak.PROTECTED: say("Protected"),
    Leak.BLOCKED: say("Blocked"),
    Leak.CLEAR: say("In the clear"),
    Leak.UNKNOWN: say("Unknown"),
}


@dataclass(frozen=True)
class Heard:
    """All that was heard in one round.

    Args:
        silence: why the daemon did not answer; "" when it did.
        daemon, daemon_since: its name and version, and when it started.
        keys: source and destination of each ESP association in the kernel.
        kernel: None where the kernel's policies can't be read, which `kernel_silence` explains.
    """

    at: datetime
    silence: str = ""
    silence_cure: str = ""
    daemon: str = ""
    daemon_since: datetime | None = None
    connections: Mapping[str, Loaded] = field(default_factory=dict)
    associations: Sequence[Association] = ()
    traps: Sequence[Trap] = ()
    kernel: Sequence[KernelPolicy] | None = None
    keys: frozenset[tuple[str, str]] = frozenset()
    kernel_silence: str = ""

    @cached_property
    def by_policy(self) -> "Mapping[str, Sightings]":
        """What was heard of each policy, by its "group/name"."""
        found: dict[str, Sightings] = defaultdict(Sightings)
        for loaded in self.connections.values():
            for child in loaded.children if loaded.is_ours else ():
                found[policy_of(child)].loaded.add((loaded.name, child))
        for association in self.associations:
            for one in association.children if association.connection.startswith(OURS) else ():
                found[policy_of(one.name)].children.append((association, one))
        for trap in self.traps:
            if trap.is_ours:
                found[policy_of(trap.child)].traps.append(trap)
        return dict(found)

    @cached_property
    def by_connection(self) -> "Mapping[str, list[Association]]":
        found: dict[str, list[Association]] = defaultdict(list)
        for association in self.associations:
            found[association.connection].append(association)
        return dict(found)

    @cached_property
    def by_hosts(self) -> "Mapping[tuple[str, str, str], list[KernelPolicy]]":
        """The kernel's policies by direction, source and destination."""
        found: dict[tuple[str, str, str], list[KernelPolicy]] = defaultdict(list)
        for one in self.kernel or ():
            found[one.direction, one.source, one.destination].append(one)
        return dict(found)

    @cached_property
    def of_networks(self) -> "Sequence[KernelPolicy]":
        """The kernel's policies of whole networks: others made them, and there are few."""
        return [one for one in self.kernel or () if not one.is_of_hosts]


@dataclass(slots=True)
class Sightings:
    """What was heard of one policy."""

    loaded: set[tuple[str, str]] = field(default_factory=set)
    children: list[tuple[Association, Child]] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The last negotiation that failed, from the history."""

    at: datetime
    sentence: str
    cure: str
    field: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The verdict on one policy.

    Args:
        field: the policy's field that most likely has to be mended; "" where none is known.
        leak: about a packet that fits the policy; `leak_sentence` says why.
        association, child: what was negotiated, where something was.
        since: when what is in force was negotiated.
    """

    word: Word
    sentence: str
    cure: str = ""
    field: str = ""
    leak: Leak = Leak.UNKNOWN
    leak_sentence: str = ""
    association: Association | None = None
    child: Child | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Intended:
    """What is intended of one policy.

    Args:
        connection, child: its names in the daemon; "" where it can't be loaded.
        trouble: why it can't be loaded; "" where it can.
        changed_at: failures before are those of another definition.
    """

    definition: Definition
    is_enabled: bool
    connection: str = ""
    child: str = ""
    trouble: str = ""
    changed_at: datetime | None = None
    failure: LastFailure | None = None
