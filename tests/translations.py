"""locale/: the texts of the source in English, and what they are in each other language.

`python -m tests.translations` brings the .po files up to date with the source and compiles them;
`--check` fails when they are not, or when a translation is wrong (tests/translation_rules.py).
The compiled .mo files are kept with the source: an installation needs nothing to make them.
"""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from tests.translation_rules import calls_of, faults_of_calls, faults_of_texts

ROOT = Path(__file__).resolve().parent.parent
# The first of several apps that have a text decides about its translation, as in Django.
APPS = ("ccxsec_project", "certificates", "ipsec", "bulk")
SOURCE = "en"
LANGUAGES = (SOURCE, "ja")

# The calls as which Django's templates show their texts.
_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "gettext": None,
    "_": None,
    "pgettext": ((1, "c"), 2),
    "ngettext": (1, 2),
    "npgettext": ((1, "c"), 2, 3),
}


class Texts(Catalog):
    """A catalogue whose head says what readers need and nothing that changes by itself."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        return [
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]

    @mime_headers.setter
    def mime_headers(self, headers: object) -> None:
        """What a file says of itself is made anew."""


def extracted(app: str) -> Texts:
    """Every text of an app's Python and templates, in the order of its files."""
    found = Texts(locale=SOURCE)
    folder = ROOT / app
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.html"), *folder.rglob("*.txt")]):
        place = str(path.relative_to(ROOT))
        for line, text, comments, context in _texts_of(path):
            location = [(place, line)]
            found.add(text, locations=location, auto_comments=comments, context=context or None)
    return found


def _texts_of(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    if path.suffix == ".py":
        for call in calls_of(path):
            if call.text:
                yield call.line, call.text, call.comments, call.context
        return
    # A template as Django shows it to extractors: its texts are calls, all else is blank.
    text = re.sub(r"(?m)^[ \t]+", "", templatize(path.read_text()))
    yield from extract(
        "python", BytesIO(text.encode()), _KEYWORDS, ("Translators:",), {"encoding": "utf-8"}
    )


def file_of(app: str, language: str, suffix: str = "po") -> Path:
    """Where the texts of an app are in a language."""
    return ROOT / app / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"


def read(app: str, language: str) -> Catalog:
    """What is translated so far; nothing where there is no file yet."""
    path = file_of(app, language)
    if not path.exists():
        return Texts(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def renewed(app: str, language: str) -> Texts:
    """The texts of the source with the translations that there are, also in another app."""
    known = [read(app, language), *(read(other, language) for other in APPS if other != app)]
    head = f"# {app}, {language}: see docs/translating.md."
    catalogue = Texts(locale=language, header_comment=head, fuzzy=False)
    for message in extracted(app):
        if message.id:
            catalogue[message.id] = _with_translation(message, known)
    return catalogue


def _with_translation(message: Message, known: list[Catalog]) -> Message:
    for catalogue in known:
        found = catalogue.get(
            message.id[0] if message.pluralizable else message.id, message.context
        )
        if (
            found is not None
            and any(_strings(found))
            and found.pluralizable == message.pluralizable
        ):
            message.string = found.string
            message.flags |= found.flags & {"fuzzy"}
            message.user_comments = found.user_comments
            return message
    message.string = ("",) if message.pluralizable else ""
    return message


def _strings(message: Message) -> tuple[str, ...]:
    text = message.string
    return (text,) if isinstance(text, str) else tuple(text or ())


def as_po(catalogue: Catalog) -> bytes:
    """The file as it is kept: no line numbers and no dates, which would change with everything."""
    buffer = BytesIO()
    write_po(
        buffer, catalogue, width=0, include_lineno=False, sort_by_file=True, ignore_obsolete=True
    )
    return buffer.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """The same compiled."""
    buffer = BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def _files() -> Iterator[tuple[Path, bytes]]:
    """Each file of a catalogue, and what it ought to hold."""
    for app in APPS:
        for language in LANGUAGES:
            catalogue = renewed(app, language)
            yield file_of(app, language), as_po(catalogue)
            yield file_of(app, language, "mo"), as_mo(catalogue)


def faults() -> Iterator[str]:
    """What is wrong, a line each; none: all is well."""
    yield from faults_of_calls(ROOT / app for app in APPS)
    for path, wanted in _files():
        if not path.exists() or path.read_bytes() != wanted:
            yield f"{path.relative_to(ROOT)} is out of date: run python -m tests.translations"
    for language in LANGUAGES[1:]:
        seen: dict[tuple[object, object], tuple[str, ...]] = {}
        for app in APPS:
            place = str(file_of(app, language).relative_to(ROOT))
            for message in read(app, language):
                if not message.id:
                    continue
                yield from faults_of_texts(place, message)
                first = seen.setdefault((message.id, message.context), _strings(message))
                if first != _strings(message):
                    yield f"{place}: {message.id!r} has another translation in another app"


def main() -> int:
    """Write the files, or check them."""
    if not settings.configured:
        settings.configure(USE_I18N=False)
    if "--check" not in sys.argv:
        for path, wanted in _files():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted)
        for app in APPS:
            for language in LANGUAGES[1:]:
                texts = [message for message in read(app, language) if message.id]
                open_ones = sum(not all(_strings(one)) for one in texts)
                print(f"{app} {language}: {len(texts)} texts, {open_ones} to translate")
        return 0
    found = list(faults())
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
