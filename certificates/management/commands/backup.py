"""`./ccxsec backup`: make a backup, verify it, put it back, and the keys that open one (CM-10)."""

import getpass
import sys
import warnings
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management import CommandParser
from django.utils import timezone

from certificates.access import command_line
from certificates.backup_format.keys import (
    Lock,
    Opener,
    Passphrase,
    checked_passphrase,
    described,
    new_identity,
    read_identity,
    read_recipient,
)
from certificates.local_files import make_folder, write_new
from certificates.management.operator_command import Answer, Judged, OperatorCommand
from certificates.models import BackupSettings, Node
from certificates.operations import create_backup, restore_backup, verify_backup
from certificates.operations.backup.examination import Verdict
from certificates.operations.backup.folder import backups_in, free_name
from certificates.operations.backup.schedule import folder_of
from certificates.refusal import Refused

_LONGEST = 64 * 1024  # bytes of a passphrase or identity file


class Command(OperatorCommand):
    help = "Backups of everything: one encrypted file."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = self.verb(verbs, "create", self.create, "write everything to one encrypted file")
        create.add_argument("--output", metavar="FILE|-", help="default: the folder for backups")
        create.add_argument("--recipient", metavar="KEY", action="append", default=[])
        _add_passphrase(create)
        verify = self.verb(verbs, "verify", self.verify, "read all of it; changes nothing")
        restore = self.verb(verbs, "restore", self.restore, "into an empty installation")
        for opening in (verify, restore):
            opening.add_argument("file", metavar="FILE|-")
            _add_passphrase(opening)
            opening.add_argument("--identity-file", metavar="FILE", help="with a private key")
        keygen = self.verb(verbs, "keygen", self.keygen, "a pair of keys, to lock backups with")
        keygen.add_argument("file", metavar="FILE", help="where the private key is written")
        for taking in (create, verify, restore):
            taking.allow_abbrev = False  # --passphrase WORDS is no short --passphrase-file
        listing = self.verb(verbs, "list", self.list, "the backups in the folder")
        listing.add_argument("folder", metavar="FOLDER", nargs="?")

    def create(self, options: dict[str, Any]) -> Answer:
        locks: list[Lock] = [read_recipient(text) for text in options["recipient"]]
        if options["passphrase_file"] or not locks:
            locks.append(checked_passphrase(_passphrase(options, is_new=True)))
        now, by = timezone.now(), command_line()
        if options["output"] == "-":
            create_backup(sys.stdout.buffer, locks=locks, actor=by, now=now)
            sys.stdout.buffer.flush()
            return None
        target = _path(options["output"]) if options["output"] else _next_in_folder(now)
        made = create_backup(target, locks=locks, actor=by, now=now)
        return {
            "file": str(target),
            "taken_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "bytes": made.size,
            "sha256": made.sha256,
            "rows": sum(made.rows.values()),
            "opens_with": made.opens_with,
            "backup_reminder": "closed" if made.closed_reminder else "none was due or newer",
        }

    def verify(self, options: dict[str, Any]) -> Answer:
        with _opened(options) as file:
            verdict = verify_backup(file, _opener(options))
        wrong = [*verdict.problems, *([verdict.tail_cut] if verdict.tail_cut else [])]
        answer = _answer(verdict) | {"verdict": "whole" if not wrong else "not whole"}
        if wrong:
            cure = "Take another backup."
            return Judged(answer | {"problems": wrong}, f"{wrong[0]} {cure}")
        return answer

    def restore(self, options: dict[str, Any]) -> Answer:
        with _opened(options) as file:
            opener = _opener(options)
            done = restore_backup(file, opener, actor=command_line(), now=timezone.now())
        notes = [*done.notes, *([done.verdict.tail_cut] if done.verdict.tail_cut else [])]
        following = "./ccxsec up, then ./ccxsec audit verify"
        return {"restored": True} | _answer(done.verdict) | {"notes": notes, "next": following}

    def keygen(self, options: dict[str, Any]) -> Answer:
        identity, path = new_identity(), _path(options["file"])
        made = f"# made {timezone.now():%Y-%m-%d} for backups; the public key is\n"
        text = f"{made}# {identity.recipient}\n{identity.to_text()}\n"
        try:
            write_new(path, text.encode())
        except FileExistsError:
            wrong = f"There is a file {path} already."
            cure = "Choose another name: without the old key no backup for it opens."
            raise Refused("backup.exists", wrong, cure) from None
        return {"public_key": str(identity.recipient), "private_key_file": str(path)}

    def list(self, options: dict[str, Any]) -> Answer:
        named = options["folder"]
        folder = _path(named) if named else folder_of(BackupSettings.objects.current())
        if named:
            folder.stat()  # one that is not there is no empty one
        return [
            {
                "file": str(found.path) if options["as_json"] else found.name,
                "taken_at": found.header.made_at if found.header else "",
                "bytes": found.size,
                "node": found.header.node if found.header else "",
                "opens_with": described(found.header.locks) if found.header else found.problem,
            }
            for found in backups_in(folder)
        ]


def _add_passphrase(parser: ArgumentParser) -> None:
    asked = "with the passphrase in its first line; - for standard input; default: asked for"
    parser.add_argument("--passphrase-file", metavar="FILE|-", help=asked)


def _answer(verdict: Verdict) -> dict[str, Any]:
    rows = verdict.rows
    return {
        "taken_at": verdict.taken_at,
        "node": verdict.node,
        "database": verdict.database,
        "rows": sum(rows.values()),
        "certificates": rows.get("certificates.certificate", 0),
        "sealed_values": verdict.sealed,
        "events": verdict.events,
        "newest_event": verdict.newest_event,
    }


def _next_in_folder(now: Any) -> Path:
    chosen = BackupSettings.objects.current()
    folder, node = folder_of(chosen), Node.objects.filter(is_local=True).first()
    if node is None:
        raise Refused("node.none", "Nothing is set up here yet.", "Run ./ccxsec up first.")
    if not chosen.folder:
        make_folder(folder)
    return free_name(folder, node.host_name, now)


@contextmanager
def _opened(options: dict[str, Any]) -> Iterator[BinaryIO]:
    if options["file"] == "-" and "-" in (options["passphrase_file"], options["identity_file"]):
        wrong = "Standard input can't be the backup and its passphrase at once."
        raise Refused("backup.input", wrong, "Put one of them into a file.")
    if options["file"] == "-":
        yield sys.stdin.buffer
    else:
        with _path(options["file"]).open("rb") as file:
            yield file


def _opener(options: dict[str, Any]) -> Opener:
    if options["identity_file"]:
        return read_identity(_text_of(options["identity_file"]))
    return Passphrase(_passphrase(options, is_new=False))


def _passphrase(options: dict[str, Any], *, is_new: bool) -> str:
    """Never from the command line or the environment, where others could read it."""
    if options["passphrase_file"]:
        return (_text_of(options["passphrase_file"]).splitlines() or [""])[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it would be read from a pipe
            first = getpass.getpass("Passphrase of the backup: ")
            again = getpass.getpass("Once more: ") if is_new else first
    except (EOFError, getpass.GetPassWarning):
        wrong = "There is no terminal to ask for the passphrase on."
        cure = "Use --passphrase-file (- for standard input), or a key: ./ccxsec backup keygen."
        raise Refused("backup.passphrase-terminal", wrong, cure) from None
    if first != again:
        wrong = "The passphrase was not typed twice in the same way."
        raise Refused("backup.passphrase-twice", wrong, "Type it again, or use --passphrase-file.")
    return first


def _text_of(name: str) -> str:
    if name == "-":
        data = sys.stdin.buffer.read(_LONGEST)
    else:
        with _path(name).open("rb") as file:
            data = file.read(_LONGEST)
    try:
        return data.decode()
    except UnicodeDecodeError:
        wrong = "The file with the passphrase or key is no text in UTF-8."
        raise Refused("backup.passphrase-file", wrong, "Write it anew with an editor.") from None


def _path(name: str) -> Path:
    return Path(settings.CCXSEC_CALLED_FROM, name)
