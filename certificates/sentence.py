"""What the product says: English to the program, the reader's language on a page.

`say("The job {job} has ended already.", job=row)` is a `str`, the English sentence: so it is
compared, logged, audited, stored and answered to scripts. Whatever makes HTML of it (a template's
`{{ }}`, `format_html`) finds its translation by `__html__`; `in_language` gives it as plain text.
"""

import html
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Self

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_CONTEXT = "\4"  # as catalogues part it from the text


def _untranslated(text: str) -> str:
    return text


def _untranslated_of(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


class _Catalogue:
    """Where translations come from; the texts themselves until `translate_by` was called."""

    one: Callable[[str], str] = staticmethod(_untranslated)
    counted: Callable[[str, str, int], str] = staticmethod(_untranslated_of)


def translate_by(one: Callable[[str], str], counted: Callable[[str, str, int], str]) -> None:
    """Have texts looked up by functions like gettext and ngettext: by the app that knows Django."""
    _Catalogue.one, _Catalogue.counted = staticmethod(one), staticmethod(counted)


class Sentence(str):
    """An English text that knows its translation. `+`, `join` and f-strings make it plain English.

    Args:
        forms: the text as the catalogue has it; for a number its singular and plural.
        values: of the places in it; a `Sentence` among them is translated with it.
        number: that chooses the form.
        context: what tells two meanings of one word apart.
    """

    __slots__ = ("context", "forms", "number", "values")
    forms: tuple[str, ...]
    values: Mapping[str, str]
    number: int
    context: str

    def __new__(
        cls, forms: tuple[str, ...], values: Mapping[str, str], number: int = 1, context: str = ""
    ) -> Self:
        text = forms[0] if number == 1 else forms[-1]
        said = super().__new__(cls, _filled(text, values) if values else text)
        said.forms, said.values, said.number, said.context = forms, values, number, context
        return said

    def translated(self) -> str:
        """The text in the language of the moment, its places still open."""
        if len(self.forms) > 1:
            return _Catalogue.counted(self.forms[0], self.forms[1], self.number)
        text = self.forms[0]
        if not self.context:
            return _Catalogue.one(text) if text else ""
        found = _Catalogue.one(f"{self.context}{_CONTEXT}{text}")
        return text if _CONTEXT in found else found

    def shown(self) -> str:
        """The text in the language of the moment."""
        text = self.translated()
        if not self.values:
            return text
        return _filled(text, {name: in_language(value) for name, value in self.values.items()})

    def __html__(self) -> str:
        text = html.escape(self.translated())
        if self.values:
            text = _filled(text, {name: _as_html(value) for name, value in self.values.items()})
        return _Html(text)

    def __str__(self) -> str:
        return self  # frameworks call `str()` on their way: it must not lose the translation

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.forms, dict(self.values), self.number, self.context)

    def __deepcopy__(self, memo: object) -> Self:
        return self


class _Lowered(Sentence):
    """A label within a sentence, which English writes small and other languages as it is."""

    __slots__ = ()

    def __new__(
        cls, forms: tuple[str, ...], values: Mapping[str, str], number: int = 1, context: str = ""
    ) -> Self:
        small = tuple(form.lower() for form in forms)
        said = super().__new__(cls, small, values, number, context)
        said.forms = forms
        return said

    def translated(self) -> str:
        found = super().translated()
        return found.lower() if found in self.forms else found


class _Replaced(Sentence):
    """A sentence in which other words stand for some."""

    __slots__ = ("new", "old", "text")
    text: str
    old: str
    new: str

    def __new__(cls, text: str, old: str, new: str) -> Self:
        said = super().__new__(cls, (text.replace(old, new),), {})
        said.text, said.old, said.new = text, old, new
        return said

    def translated(self) -> str:
        return in_language(self.text).replace(in_language(self.old), in_language(self.new))

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self.text, self.old, self.new)


class _Html(str):
    """Escaped already, by the protocol that Django and others share."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


def say(text: str, /, **values: object) -> str:
    """A sentence with `{places}`; an f-string would have no translation. It is a `Sentence`.

    Args:
        text: a literal, as it is what the catalogues are made from.
        values: of its places, each shown as `str` shows it. HTML among them must be marked safe.
    """
    return Sentence((text,), _settled(values))


def say_as(context: str, text: str, /, **values: object) -> str:
    """`say` for a word that means two things: `context` tells the translator which ("a verb")."""
    return Sentence((text,), _settled(values), context=context)


def say_count(one: str, many: str, count: int, /, **values: object) -> str:
    """`say` by number: `one` for 1, `many` else; both may have the place `{count}`."""
    return Sentence((one, many), _settled({"count": count} | values), count)


def in_language(text: object) -> str:
    """Any text in the language of the moment: where plain text is made, not HTML."""
    told = str(text)
    return told.shown() if isinstance(told, Sentence) else told


def together(*sentences: str) -> str:
    """Several sentences in a row; those that are "" are left out."""
    first, *others = [one for one in sentences if one] or [""]
    for other in others:
        first = say("{sentence} {next_sentence}", sentence=first, next_sentence=other)
    return first


def listed(parts: Iterable[str], between: str = ", ") -> str:
    """What `between.join(parts)` is, without losing the translations of the parts."""
    values = {f"part_{number}": part for number, part in enumerate(parts)}
    text = "{between}".join(f"{{{name}}}" for name in values)
    return Sentence((text,), _settled(values | {"between": between}))


def lowered(text: str) -> str:
    """A label as it stands within a sentence: "self-signed" of "Self-signed"."""
    if isinstance(text, Sentence):
        return _Lowered(text.forms, text.values, text.number, text.context)
    return text.lower()


def replaced(text: str, old: str, new: str) -> str:
    """What `text.replace(old, new)` is; a translation of `text` has that of `old` in it."""
    return _Replaced(text, old, new)


def _settled(values: Mapping[str, object]) -> dict[str, str]:
    """As they are now; what is asked for later may have changed."""
    return {name: str(value) for name, value in values.items()}


def _filled(text: str, values: Mapping[str, str]) -> str:
    """No more than names have a place: a text can't reach into a value, as `str.format` does."""
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)


def _as_html(value: str) -> str:
    made: Callable[[], str] | None = getattr(value, "__html__", None)
    return made() if made else html.escape(value)
