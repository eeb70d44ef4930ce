"""What a translation must keep of its text, and how the source may name a text."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Message

_PLACES = re.compile(r"\{([a-z][a-z0-9_]*)\}|%\(([a-z_0-9]+)\)[sd]")
_TAG = re.compile(r"</?[a-z][^>]*>")
# Name of a function -> which of its arguments are texts; "context" is none that is shown.
CALLS = {
    **dict.fromkeys(("say", "_", "gettext", "gettext_lazy"), ("one",)),
    **dict.fromkeys(("say_as", "pgettext", "pgettext_lazy"), ("context", "one")),
    **dict.fromkeys(("say_count", "ngettext", "ngettext_lazy"), ("one", "many")),
}
NUMBER = "count"


def faults_of_texts(place: str, message: Message) -> Iterator[str]:
    """What is wrong with one translation; `place`: its file, for what is told."""
    ids = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    strings = (message.string,) if isinstance(message.string, str) else tuple(message.string)
    text = ids[-1]
    if message.fuzzy:
        yield f"{place}: {text!r} is fuzzy"
    for string in strings:
        if not string:
            yield f"{place}: {text!r} is not translated"
            continue
        if places(string) != places(text):
            yield f"{place}: {text!r} has other places in its translation"
        if sorted(_TAG.findall(string)) != sorted(_TAG.findall(text)):
            yield f"{place}: {text!r} has other HTML in its translation"
        if _lone_percent(string) and not _lone_percent(text):
            yield f"{place}: {text!r} has a % in its translation that ought to be %%"
        if re.search(r"\{[^}]*[.\[!:][^}]*\}", string):
            yield f"{place}: {text!r} has more than a name between braces in its translation"


def places(text: str) -> set[str]:
    """The names of the places of a text, of both kinds."""
    return {one or other for one, other in _PLACES.findall(text)}


def _lone_percent(text: str) -> bool:
    return "%" in re.sub(r"%%|%\([a-z_0-9]+\)[sd]", "", text)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that names a text; `faults` where no catalogue can have it, or its values differ."""

    line: int
    text: str | tuple[str, ...]
    context: str | None
    comments: list[str]
    faults: list[str]


def calls_of(path: Path) -> Iterator[Call]:
    """The texts of a module, as its functions of `CALLS` are given them."""
    source = path.read_text()
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        roles = CALLS.get(node.func.id)
        if roles is None:
            continue
        texts = {
            role: argument.value
            for role, argument in zip(roles, node.args, strict=False)
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        }
        if len(texts) < len(roles):
            yield Call(node.lineno, "", None, [], [f"{node.func.id}() must have a literal text"])
            continue
        context = texts.pop("context", None)
        said = tuple(texts.values())
        above = lines[node.lineno - 2].strip() if node.lineno > 1 else ""
        comments = [above.removeprefix("# ")] if above.startswith("# Translators:") else []
        faults = list(_faults_of_values(node, said))
        yield Call(node.lineno, said if len(said) > 1 else said[0], context, comments, faults)


def _faults_of_values(call: ast.Call, texts: tuple[str, ...]) -> Iterator[str]:
    assert isinstance(call.func, ast.Name)
    if not call.func.id.startswith("say"):
        return
    wanted = set().union(*(places(text) for text in texts))
    values = {keyword.arg for keyword in call.keywords}
    if len(texts) > 1:
        values |= {NUMBER} & wanted
    if None not in values and values != wanted:
        yield f"the values are not those of the text {texts[0]!r}"


def faults_of_calls(folders: Iterable[Path]) -> Iterator[str]:
    """Calls whose text no catalogue can have, or whose values don't fit its places."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            for call in calls_of(path):
                for fault in call.faults:
                    yield f"{path.relative_to(folder.parent)}:{call.line}: {fault}"
