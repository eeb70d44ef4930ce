"""The find of the top bar: what each app offers for it, and how it is told (docs/find.md).

An app lists its finders, the project collects them. A finder looks up few rows, each by a query
that ends after a handful: it must hold at a million.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from django import forms
from django.forms.utils import pretty_name
from django.urls import reverse
from django.utils.http import urlencode

from certificates.access import Permission
from certificates.conditions import Operator
from certificates.sentence import in_language, say

SHOWN = 6  # of each group; the list itself has the others
FEW = 1_000  # rows of a small table that are compared one by one
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found; all text may be hostile. `about` says what it is, and why."""

    name: str
    about: str
    address: str


@dataclass(frozen=True, slots=True)
class Group:
    """What one finder has found. `more`: label and address of where all of it can be seen."""

    name: str
    hits: tuple[Hit, ...] = ()
    more: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finder:
    """`find` takes what was typed, its invisible characters as escapes; the permission is asked."""

    permission: Permission | str
    find: Callable[[str], Group]


def few(rows: Iterable[_Row], hit: Callable[[_Row], Hit]) -> tuple[Hit, ...]:
    """The first of them."""
    return tuple(hit(row) for row in islice(rows, SHOWN))


def holding(text: str, rows: Any, words: Callable[[Any], Iterable[object]]) -> Iterator[Any]:
    """Rows of a small table that have `text` in one of their words, in any case."""
    wanted = text.casefold()
    for row in rows[:FEW]:
        if any(wanted in str(word).casefold() for word in words(row)):
            yield row


def found_list(url_name: str, field: str, text: str, operator: str = Operator.CONTAINS) -> str:
    """A list with one find row."""
    asked = {"field": field, "op": operator, "value": text}
    return f"{reverse(url_name)}?{urlencode(asked)}"


@dataclass(frozen=True, slots=True)
class Place:
    """A screen, or a field on one: what it is called, and by which other words it is looked for.

    `anchor`: the field's part of the page; "" for the page itself.
    """

    name: str
    about: str
    url_name: str
    permission: Permission | str
    words: str = ""
    anchor: str = ""

    def hit(self) -> Hit:
        address = reverse(self.url_name)
        return Hit(self.name, self.about, f"{address}#{self.anchor}" if self.anchor else address)

    def rank(self, wanted: list[str]) -> int | None:
        """0: its name has every word; 1: what else it is known by has them; None: not meant."""
        name = _plain(f"{self.name} {in_language(self.name)}")
        if all(word in name for word in wanted):
            return 0
        known = f"{name} {_plain(f'{self.about} {in_language(self.about)} {self.words}')}"
        return 1 if all(word in known for word in wanted) else None


def _plain(text: str) -> str:
    """Pre-shared and preshared, e-mail and email are the same words."""
    return text.casefold().replace("-", "").replace("_", " ")


def meant(text: str, places: Iterable[Place]) -> list[Place]:
    """Those that are known by every word of `text`, the ones called so first."""
    wanted = _plain(text).split()
    ranked = [(place.rank(wanted), place) for place in places]
    return [place for rank in (0, 1) for found, place in ranked if found == rank and wanted]


def fields_of(
    form: type[forms.Form],
    page: str,
    url_name: str,
    permission: Permission,
    *,
    words: dict[str, str] | None = None,
    without: Collection[str] = (),
) -> Iterator[Place]:
    """Each field that a person sees, by its label, its help, and its name in the code.

    Questions that only some answers raise are none; nor is what stands in `without`.
    """
    for name, field in form.base_fields.items():
        if field.widget.is_hidden or name.startswith("confirm") or name in without:
            continue
        help_text = str(field.help_text or "")
        yield Place(
            str(field.label or pretty_name(name)),
            say("{page}. {help}", page=page, help=help_text) if help_text else page,
            url_name,
            permission,
            f"{name} {(words or {}).get(name, '')}",
            f"div_id_{name}",
        )
