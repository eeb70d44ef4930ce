"""One line of the dashboard's list *Needs attention*."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing to do: how urgent (a CSS class and a word), what, and where."""

    urgency: str
    word: str
    sentence: str
    cure: str
    address: str
