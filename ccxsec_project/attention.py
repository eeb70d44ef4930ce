"""One line of the dashboard's list *Needs attention*."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing to do: how urgent (a CSS class and a word), what, and where.

    `is_record`: the sentence is one that the database keeps, and English in every language.
    """

    urgency: str
    word: str
    sentence: str
    cure: str
    address: str
    is_record: bool = False
