"""The words of a diagnosis, and the rules that find them in the lines of a daemon."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from certificates.x509.visible import visible
from ipsec.policy.choices import IkeVersion
from ipsec.policy.definition import Definition

_GROUP = re.compile(r"^(?:\d\d[:\d]* )?(?:\d\d)?\[[A-Z]{3}\] (?:<[^>]*> )?")
_MOST_PROOFS, _LONGEST_LINE = 6, 2_000  # some peers offer dozens of proposals in one line
# Said in every negotiation; nobody learns anything from it.
_NOISE = re.compile(
    r"^(?:sending|received) packet|^(?:generating|parsed) |vendor ID|^peer supports|"
    r"^no ID. configured|^scheduling |^maximum IKE_SA|^(?:splitting|received fragment)"
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened, for a person.

    Args:
        is_established: an SA of phase two came of it; not knowing why not is no third way.
        field: the field of the policy to look at first, a name in FIELD_LABELS; "" for none.
        sentence: what happened, as far as the lines tell.
        cure: what to do next; "" when nothing is to be done.
        proofs: the lines that say so, in their order.
        lines: all of them, made harmless to look at.
    """

    is_established: bool
    field: str
    sentence: str
    cure: str
    proofs: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a rule has to say; `also` finds further lines that prove it."""

    sentence: str
    cure: str
    field: str = ""
    also: str = ""


class Case:
    """The lines of one negotiation, and the policy of this server that it is about."""

    def __init__(
        self, lines: Iterable[str], definition: Definition, *, is_certificate: bool
    ) -> None:
        texts = [visible(_GROUP.sub("", line[:_LONGEST_LINE].strip())) for line in lines]
        self.all_lines = tuple(text for text in texts if text)
        self.lines = [text for text in self.all_lines if not _NOISE.search(text)]
        self.definition, self.is_by_key = definition, not is_certificate

    @property
    def peer(self) -> str:
        return self.definition.destination_address

    @property
    def is_ikev1(self) -> bool:
        return self.definition.ike_version is IkeVersion.IKEV1

    def find(self, pattern: str) -> re.Match[str] | None:
        """The last line that `pattern` finds: what is said again is said of the last try."""
        for line in reversed(self.lines):
            found = re.search(pattern, line)
            if found:
                return found
        return None

    def position(self, pattern: str) -> int:
        """Of the last line that `pattern` finds; -1 for none."""
        places = [place for place, line in enumerate(self.lines) if re.search(pattern, line)]
        return places[-1] if places else -1

    def diagnosis(
        self,
        sentence: str,
        cure: str,
        *,
        proofs: tuple[str, ...],
        field: str = "",
        up: bool = False,
    ) -> Diagnosis:
        return Diagnosis(up, field, sentence, cure, proofs, self.all_lines)

    def proofs(self, *patterns: str) -> tuple[str, ...]:
        """The lines that these patterns find, each once."""
        given = [pattern for pattern in patterns if pattern]
        found = [line for line in self.lines if any(re.search(one, line) for one in given)]
        return tuple(dict.fromkeys(found))[-_MOST_PROOFS:]


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` is looked for in every line; `tell` may pass (None) when it is not the whole story.

    The order of the rules is the order of how much each knows: the most specific one wins.
    """

    pattern: str
    tell: Callable[[re.Match[str], Case], Told | None]


def first_told(case: Case, rules: Sequence[Rule]) -> Diagnosis | None:
    """What the first rule says that has something to say."""
    for rule in rules:
        found = case.find(rule.pattern)
        told = rule.tell(found, case) if found else None
        if told:
            proofs = case.proofs(rule.pattern, told.also)
            return case.diagnosis(told.sentence, told.cure, proofs=proofs, field=told.field)
    return None
