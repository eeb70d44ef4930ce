"""How the states of the exchange look: a word, and a colour that says the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.safestring import SafeString

from bulk.models import Verdict
from bulk.operations.standing import Standing, StepState, Trust
from certificates.cells import badge
from certificates.sentence import say

_TRUST = {
    Trust.OWN: (say("This cluster"), "plain"),
    Trust.CONFIRMED: (say("Confirmed"), "valid"),
    Trust.UNCONFIRMED: (say("Not confirmed"), "soon"),
    Trust.FOREIGN: (say("Other keys"), "critical"),
    Trust.UNREADABLE: (say("Unreadable"), "critical"),
}
_STEPS = {
    StepState.DONE: (say("Done"), "valid"),
    StepState.DUE: (say("To do"), "soon"),
    StepState.WAITING: (say("Waiting"), "plain"),
}
_VERDICTS = {
    Verdict.NEW: "valid",
    Verdict.RENEWED: "valid",
    Verdict.PRESENT: "plain",
    Verdict.COVERED: "plain",
    Verdict.EXPIRED: "soon",
    Verdict.REFUSED: "critical",
    Verdict.GONE: "soon",
}
_ABOUT = {
    "Export": say("Stores the certificates of all this cluster's nodes on the server."),
    "Consolidate": say(
        "Puts the exports of all clusters into one file. One cluster does it for all."
    ),
    "Import": say(
        "Puts the other clusters' certificates into the trust stores of every node here."
    ),
}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A card of the path. `name` as in the manual, `kind` a CSS class."""

    name: str
    about: str
    sentences: tuple[str, ...]
    word: str
    kind: str


def steps_of(state: Standing) -> Iterator[ShownStep]:
    """The three cards, in their order."""
    for step in state.steps:
        word, kind = _STEPS[step.state]
        yield ShownStep(step.name, _ABOUT[step.name], step.sentences, word, kind)


def trust_badge(trust: Trust) -> SafeString:
    """Whether an export is believed."""
    return badge(*_TRUST[trust])


def verdict_badge(verdict: str) -> SafeString:
    """What becomes of a certificate."""
    return badge(Verdict(verdict).label, _VERDICTS[Verdict(verdict)])


@dataclass(frozen=True, slots=True)
class CountedVerdict:
    """A choice of the plan's filter."""

    verdict: Verdict
    count: int
    is_chosen: bool


def counted(counts: Mapping[Verdict, int], chosen: str) -> list[CountedVerdict]:
    """The filter of the plan: each verdict that occurs, with how often."""
    return [CountedVerdict(one, count, one == chosen) for one, count in counts.items()]
