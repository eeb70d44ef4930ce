"""docs/commands.md: every command, its verbs and arguments, read from the parsers themselves.

`python -m tests.documents.commands` writes the page; a test says when it is
out of date.
"""

import argparse
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "commands.md"
PACKAGES = ("certificates", "ipsec", "bulk", "ccxsec_project")
WIDTH = 96  # characters of a line that is typed
HEAD = """# Commands

<!-- Written by `python -m tests.documents.commands`; a test holds it to the parsers. -->

`./ccxsec WORD …` runs in any folder; files on its line are meant from there. `--help` behind any
word or verb prints what stands here. `--json`, where a verb has an answer, prints it for a program.
Exit status: 0 done; 1 refused, with one line of reason on standard error; 2 wrong usage. Secrets
are read from files, from standard input (`-`) or asked for, never taken from the line.

`…` behind an argument: one or more of it. What stands in brackets may be left out.
"""
LAUNCHER = {
    "test": "Run the tests: the whole suite, or the files that are named. `--postgresql` runs them"
    " on a PostgreSQL server that ends with them.",
    "check": "Run every check that needs no running product: style, types, this page, and others"
    " ([architecture](architecture.md)).",
    "docs": "Build this documentation as a site, in `site/`. `--check` keeps nothing.",
    "sbom": "Write the bill of materials, as CycloneDX.",
    "fuzz": "Drive broken uploads through the reading; `fuzz exchange` and `fuzz api` likewise.",
    "lab": "Have two hosts negotiate every combination of IPsec's algorithms, and watch the wire.",
    "torture": "Kill processes while clients work, then look whether everything hangs together.",
    "bench": "Run the measurements ([benchmarks](benchmarks.md)).",
    "bench-scale": "Run the measurements with a million certificates.",
    "lock": "Write the hashed lists of packages anew, from what `pyproject.toml` asks for.",
}
OTHERS = """
## Django's own

Any other word goes to Django's `manage.py`. Of use to an operator: `changepassword NAME`,
`createsuperuser`, `shell` ([the ORM shell](shell.md)), `migrate`. `help` lists all of them.
"""


@cache
def page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    commands = dict(sorted(parsers().items()))
    parts.append("\n| command | what it is for |\n|---|---|\n")
    parts += (
        f"| [`{name}`](#{name}) | {_cell(each.description)} |\n" for name, each in commands.items()
    )
    for name, parser in commands.items():
        parts.append(f"\n## {name}\n\n{_sentence(parser.description)}\n")
        parts += _described(parser, f"./ccxsec {name}", level=3)
    parts.append("\n## For developers\n\n| command | what it does |\n|---|---|\n")
    parts += (f"| `./ccxsec {word}` | {meaning} |\n" for word, meaning in LAUNCHER.items())
    return "".join([*parts, OTHERS])


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command of the product, by its name."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ccxsec_project.settings")
    django.setup()
    from django.core.management import get_commands, load_command_class

    return {
        name: load_command_class(app, name).create_parser("./ccxsec", name)
        for name, app in get_commands().items()
        if isinstance(app, str) and app.split(".")[0] in PACKAGES
    }


def _described(parser: argparse.ArgumentParser, words: str, *, level: int) -> Iterator[str]:
    """The usage and the arguments of a parser, then its verbs, a level deeper."""
    verbs = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    arguments = [each for each in _own(parser) if each not in verbs]
    arguments.sort(key=lambda each: bool(each.option_strings))
    if arguments or not verbs:
        yield f"\n```\n{_line(words, [_usage(each) for each in arguments])}\n```\n"
    told = [each for each in arguments if each.option_strings or each.help]
    if any(map(_meaning, told)):
        yield "\n| argument | |\n|---|---|\n"
        yield from (f"| {_names(each)} | {_meaning(each)} |\n" for each in told)
    for group in verbs:
        help_texts = {each.dest: each.help for each in group._choices_actions}
        for name, inner in group.choices.items():
            title = f"{words.removeprefix('./ccxsec ')} {name}"
            yield f"\n{'#' * level} {title}\n\n{_sentence(help_texts.get(name))}\n"
            yield from _described(inner, f"{words} {name}", level=level + 1)


def _line(words: str, arguments: list[str]) -> str:
    """The line that is typed, broken between arguments."""
    lines = [words]
    for each in arguments:
        if len(lines[-1]) + len(each) >= WIDTH:
            lines.append("   ")
        lines[-1] += f" {each}"
    return "\n".join(lines)


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its arguments without those that every command has."""
    from django.core.management import BaseCommand

    of_django = {each.dest for each in BaseCommand().create_parser("", "")._actions}
    said_above = of_django | {"as_json"}
    return [
        each
        for each in parser._actions
        if each.help != argparse.SUPPRESS and each.dest not in said_above
    ]


def _usage(action: argparse.Action) -> str:
    """How it stands on the line."""
    value = _value(action)
    if not action.option_strings:
        return f"[{value}]" if action.nargs in {"?", "*"} else value
    text = " ".join(filter(None, [action.option_strings[-1], value]))
    text += "…" if isinstance(action, argparse._AppendAction) else ""
    return text if action.required else f"[{text}]"


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    name: Any = action.metavar or action.dest.upper()
    if action.choices and not action.metavar:
        choices = "|".join(map(str, filter(None, action.choices)))
        # Many are told below; where nothing is told below, they all stand here.
        name = choices if len(choices) < WIDTH // 3 or not action.option_strings else name
    if isinstance(name, tuple):
        name = " ".join(name)
    return f"{name}…" if action.nargs in {"+", "*"} else str(name)


def _names(action: argparse.Action) -> str:
    names = action.option_strings or [_value(action)]
    return ", ".join(f"`{_cell(name)}`" for name in names)


def _meaning(action: argparse.Action) -> str:
    """Its help; what may stand there; what is taken without it, where the help does not say so."""
    parts = [_cell((action.help or "") % vars(action))]
    if action.choices and action.option_strings:
        parts.append("one of " + ", ".join(f"`{each}`" for each in action.choices if each))
    told = "default" in (action.help or "")
    is_plain = isinstance(action.default, int | str) and not isinstance(action.default, bool)
    if is_plain and action.default not in {"", None} and action.nargs != 0 and not told:
        parts.append(f"default: `{_cell(str(action.default))}`")
    if isinstance(action, argparse._AppendAction) and "repeated" not in (action.help or ""):
        parts.append("may be repeated")
    return "; ".join(filter(None, parts))


def _sentence(text: str | None) -> str:
    said = _cell(text)
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith('.') else '.'}" if said else ""


def _cell(text: str | None) -> str:
    """Text of one line that Markdown takes for nothing else."""
    return re.sub(r"([|<*])", r"\\\1", " ".join((text or "").split()))


if __name__ == "__main__":
    PAGE.write_text(page())
