"""Whether what was said to be done was done, and what was refused was not: asked of the database.

Runs in a process of its own with the product's settings: `python -m tests.torture.verdict LEDGER
MAILS SERVER_FOLDER` prints one line a violation.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import django


def main() -> None:
    django.setup()
    ledger, mails, exchange = (Path(word) for word in sys.argv[1:])
    lines = [*_answers(ledger), *_mails(json.loads(mails.read_text())), *_exports(exchange)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _answers(path: Path) -> Iterator[str]:
    from tests.torture.ledger import Ledger

    entries = Ledger.read(path)
    yield from (f"error: {e.kind} {e.key}: {e.said}" for e in entries if e.outcome == "error")
    deleted = {e.key: e.outcome for e in entries if e.kind == "delete"}
    for entry in entries:
        is_there = CHECKS.get(entry.kind)
        if is_there is None or (entry.kind == "upload" and entry.key in deleted):
            continue
        there = is_there(entry.key)
        if entry.outcome == "done" and not there:
            yield f"lost: {entry.kind} {entry.key} was answered as done ({entry.said})"
        if entry.outcome == "refused" and there:
            yield f"done all the same: {entry.kind} {entry.key} was refused ({entry.said})"


def _own(name: str) -> bool:
    from certificates.models import Action, Certificate, Event

    row = Certificate.objects.own().filter(common_name=name).first()
    if row is None:
        return False
    told = Event.objects.filter(action=Action.CERTIFICATE_GENERATE.value, object_id=str(row.pk))
    return told.exists()


def _requested(name: str) -> bool:
    from certificates.models import SigningRequest

    return SigningRequest.objects.filter(common_name=name).exists()


def _trusted(fingerprint: str) -> bool:
    from certificates.models import Certificate

    return Certificate.objects.trust().filter(fingerprint=fingerprint).exists()


def _policy(name: str) -> bool:
    from ipsec.models import Policy

    return Policy.objects.filter(group="torture", name=name).exists()


CHECKS: dict[str, Callable[[str], bool]] = {
    "generate": _own,
    "request": _requested,
    "upload": _trusted,
    "delete": lambda fingerprint: not _trusted(fingerprint),
    "policy": _policy,
}


def _mails(received: list[str]) -> Iterator[str]:
    """Each identifier that arrived is one that the database counts as sent, and the other way."""
    from certificates.models import Message

    rows = dict(Message.objects.filter(channel="email").values_list("identifier", "state"))
    arrived = set(received)
    for identifier in sorted(arrived):
        if rows.get(identifier) not in ("sent", "unknown", "open"):
            yield f"mail: {identifier} arrived, and is {rows.get(identifier, 'not there')}"
    for identifier, state in sorted(rows.items()):
        if state == "sent" and identifier not in arrived:
            yield f"mail: {identifier} counts as sent, and never arrived"
    for identifier in sorted(arrived):
        if received.count(identifier) > 2:
            yield f"mail: {identifier} arrived {received.count(identifier)} times"


def _exports(folder: Path) -> Iterator[str]:
    """The newest export that the audit log tells of is on the server, and whole."""
    from bulk.exchange.names import ExportName, read_name
    from certificates.models import Action, Event

    told = Event.objects.filter(action=Action.EXCHANGE_EXPORT.value).order_by("-sequence")
    newest: dict[str, str] = {}
    for event in told[:200]:
        name = str(event.detail["file"])
        parsed = read_name(name)
        if isinstance(parsed, ExportName):
            newest.setdefault(parsed.service, name)
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    for service, name in newest.items():
        if name not in there and not any(_is_newer(other, name) for other in there):
            yield f"export: {name} of {service} is told, and not on the server"


def _is_newer(other: str, name: str) -> bool:
    from bulk.exchange.names import ExportName, read_name

    one, two = read_name(other), read_name(name)
    if not isinstance(one, ExportName) or not isinstance(two, ExportName):
        return False
    return one.service == two.service and one.number > two.number


if __name__ == "__main__":
    main()
