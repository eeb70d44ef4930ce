"""What the operator's commands share: verbs, `--json`, `--node`, and the exit status.

0 done, 1 refused (one line of reason on standard error), 2 wrong usage (argparse's own).
"""

import getpass
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError

from certificates import jobs
from certificates.models import JobState, Node
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.x509.visible import visible


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verb found out, and in one line why it refused; None: it did not."""

    answer: "Mapping[str, Any] | None"
    refused: str | None


Answer = Mapping[str, Any] | list[Mapping[str, Any]] | bytes | Judged | None
Verb = Callable[[dict[str, Any]], Answer]


class Stopped(CommandError):  # noqa: N818 - a refusal is an answer, not an error
    """A refusal on the command line. Django prints the class's name before the text."""

    def __init__(self, text: str) -> None:
        super().__init__(text, returncode=1)


Stopped.__name__ = "ccxsec"


# What the database says -> what to do. The first that fits.
_DATABASE_CURES = {
    "no such table": "Run ./ccxsec up first.",
    "does not exist": "Run ./ccxsec up first.",
    "readonly": "Give this user the right to write its file and folder.",
    "unable to open": "Give this user the right to write its file and folder.",
    "full": "Free space on its disk.",
    "not a database": "Put its backup back.",
    "malformed": "Put its backup back.",
    "I/O": "Look at its disk, then stop and start the product.",
}


def database_trouble(error: DatabaseError) -> str:
    """One line: what the database said, and what to do."""
    said = (str(error).splitlines() or ["no reason given"])[0]
    cure = next((cure for words, cure in _DATABASE_CURES.items() if words in said), "")
    return f"The database can't be used: {said}. {cure or 'Start it, or mend DATABASE_URL.'}"


class OperatorCommand(BaseCommand):
    """A command whose verbs are methods; each returns what is printed as lines or as JSON."""

    requires_system_checks: list[str] = []

    def verb(self, verbs: Any, name: str, run: Verb, help_text: str) -> ArgumentParser:
        """Add a verb; the parser that is returned takes its arguments."""
        # No abbreviations: `--password` must not be taken for `--password-file`.
        parser: ArgumentParser = verbs.add_parser(
            name, help=help_text, description=help_text, allow_abbrev=False
        )
        parser.set_defaults(run=run)
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
        return parser

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            answer = options["run"](options)
        except (Refused, SealError) as refused:
            raise Stopped(str(refused)) from refused
        except DatabaseError as error:
            raise Stopped(database_trouble(error)) from error
        except OSError as error:
            name = visible(str(error.filename or "A file"))[:200]
            wrong = f"{name} can't be used: {error.strerror}."
            raise Stopped(f"{wrong} Look at its name and its rights, and try again.") from error
        reason = None
        if isinstance(answer, Judged):
            reason, answer = answer.refused, answer.answer
        try:
            self.print_answer(answer, options)
        except OSError as error:
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nothing more can be written
            raise Stopped(f"The answer can't be written: {error.strerror}.") from error
        if reason:
            raise Stopped(reason)

    def print_answer(self, answer: Answer, options: Mapping[str, Any]) -> None:
        if isinstance(answer, bytes):
            self.stdout.flush()
            sys.stdout.buffer.write(answer)
            sys.stdout.buffer.flush()
        elif answer is None:  # the verb has printed line by line
            pass
        elif options["as_json"]:
            self.stdout.write(json.dumps(answer, indent=2))
        else:
            self.print_lines(answer)
        self.stdout.flush()

    def print_lines(self, answer: Any) -> None:
        if isinstance(answer, Mapping):
            for name, value in answer.items():
                self.print_value(name, value)
        else:
            for line in as_table(answer):
                self.stdout.write(line)

    def print_value(self, name: str, value: Any) -> None:
        if name == "pem":  # so that openssl reads the whole answer as it is
            self.stdout.write(value.rstrip("\n"))
        elif isinstance(value, list):
            if value:
                self.stdout.write(f"{name}:")
            for line in value:
                self.stdout.write(f"  {visible(str(line))}")
        else:
            self.stdout.write(f"{name}: {visible(str(value))}")


def add_node(parser: ArgumentParser) -> None:
    """Let a verb take `--node`."""
    parser.add_argument("--node", metavar="NAME", help="host name; default: this server")


def finish(job_id: int, what: str) -> None:
    """Deploy now. A failure is told: the change was made all the same.

    Raises:
        Refused: deploy.failed.
    """
    ended = jobs.run(job_id) or jobs.wait(job_id)
    if ended.state == JobState.FAILED:
        wrong = f"The {what} was changed, but its store was not written: {ended.messages[-1]}"
        raise Refused("deploy.failed", wrong, "Mend it, then run ./ccxsec up or wait for upkeep.")


def secret_in(file: str | None, prompt: str) -> str:
    """A secret from a file, "-" for standard input or a hidden answer; "" for none.

    It is never a word of the command line, which everybody on the machine can read.

    Raises:
        Refused: secret.empty, secret.text.
    """
    if not file:
        return ""
    try:
        if file == "-":
            text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.read()
        else:
            text = Path(settings.CCXSEC_CALLED_FROM, file).read_text()
    except UnicodeDecodeError:  # which holds the secret: it goes no further
        wrong = "The secret that was given is no text."
        raise Refused("secret.text", wrong, "Write its file in UTF-8.") from None
    text = text.rstrip("\r\n") if text.count("\n") <= 1 else text
    if not text:
        raise Refused("secret.empty", "The secret that was given is empty.", "Look at its file.")
    return text


def ask(command: BaseCommand, *lines: str) -> None:
    """The original's question, answered `yes` or `no`; without a terminal it is no.

    Raises:
        Refused: confirm.no.
    """
    for line in lines:
        command.stderr.write(visible(line))
    command.stderr.write("Proceed (yes/no)?", ending=" ")
    command.stderr.flush()
    if sys.stdin.readline().strip().lower() != "yes":
        wrong = "The question was not answered with yes; nothing was changed."
        raise Refused("confirm.no", wrong, "Answer yes, or use --yes.")


def node_of(options: Mapping[str, Any]) -> Node:
    """Raises `Refused` node.unknown."""
    name = options.get("node")
    asked = {"host_name": name.lower()} if name else {"is_local": True}
    is_name = not name or name.isascii()  # what can't be a host name is not asked for
    node = Node.objects.filter(**asked).first() if is_name else None
    if node is None and name:
        known = ", ".join(Node.objects.values_list("host_name", flat=True)[:20])
        raise Refused("node.unknown", f"There is no node {name!a}.", f"There are: {known}.")
    if node is None:
        raise Refused("node.none", "Nothing is set up here yet.", "Run ./ccxsec up first.")
    return node


def as_table(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Rows in aligned columns, with a heading; nothing for no rows."""
    listed = list(rows)
    if not listed:
        return
    texts = [[visible(str(value)) for value in row.values()] for row in listed]
    heading = [name.replace("_", " ").upper() for name in listed[0]]
    widths = [min(48, max(map(len, column))) for column in zip(heading, *texts, strict=True)]
    for cells in [heading, *texts]:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join(padded).rstrip()
