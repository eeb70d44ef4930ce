"""`./ccxsec ipsec export`, `import` and `compare`: the other side's part of a policy (IP-2)."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from certificates.access import command_line
from certificates.management.operator_command import (
    Answer,
    Judged,
    as_table,
    ask,
    secret_in,
)
from certificates.refusal import Refused
from ipsec.exchange.comparison import Effect
from ipsec.exchange.formats import Format
from ipsec.exchange.reading import LARGEST
from ipsec.management.answers import chosen, existing
from ipsec.management.in_force import CAUTION, InForce
from ipsec.models import Policy
from ipsec.operations import add_policy, compare_peer, export_peer, read_peer, warnings
from ipsec.operations.examine import LEGACY, OVERLAP
from ipsec.policy.choices import Authentication
from ipsec.policy.definition import Definition
from ipsec.policy.pair import overlaps


class MirrorVerbs(InForce):
    def add_mirror_verbs(self, verbs: Any) -> None:
        export = self.verb(verbs, "export", self.export, "what the peer must be set to")
        export.add_argument("names", nargs="+", metavar="GROUP/NAME", help="of one peer")
        export.add_argument(
            "--format",
            choices=[*Format],
            default=Format.CCXSEC,
            dest="form",
            help="of the product that the peer runs (default: json, for another ccxsec)",
        )
        bring = self.verb(verbs, "import", self.bring_in, "add what the other side's export says")
        bring.add_argument("file", metavar="FILE", help="- reads standard input")
        bring.add_argument("--key-file", metavar="FILE", help="with the pre-shared key of all")
        bring.add_argument("--enable", action="store_true", help="put them in force")
        bring.add_argument("--yes", action="store_true", help="confirm every caution")
        compare = self.verb(verbs, "compare", self.compare, "field by field, with its export")
        compare.add_argument("name", metavar="GROUP/NAME")
        compare.add_argument("file", metavar="FILE", help="the other side's export; - reads it")

    def export(self, options: dict[str, Any]) -> Answer:
        """To standard output, as it would be downloaded."""
        rows = chosen(options["names"])
        return export_peer(rows, form=options["form"], actor=command_line()).content

    def bring_in(self, options: dict[str, Any]) -> Answer:
        """All or none; a policy that is there already as the export says is left alone."""
        exported = read_peer(_content(options["file"]), actor=command_line())
        names = [str(one) for one in exported.policies]
        known = {str(row): row.definition for row in existing(names)}
        new = [one for one in exported.policies if known.get(str(one)) != one]
        for one in new:
            if str(one) in known:
                wrong = f"There is a policy {one} already, and it says something else."
                cure = "See ./ccxsec ipsec compare; change it by ./ccxsec ipsec set."
                raise Refused("policy.taken", wrong, cure)
        key = secret_in(options["key_file"], "Pre-shared key: ")
        if not options["yes"]:
            self._ask(new, enables=options["enable"])
        added = _add(new, key, enabled=options["enable"])
        answer: dict[str, Any] = {"added": [str(row) for row in added], "as_it_was": [*known]}
        return answer | (self.put_in_force(added) if added and options["enable"] else {})

    def _ask(self, new: list[Definition], *, enables: bool) -> None:
        lines = [f"{one}: {said}" for one in new for said in warnings(one).values()]
        lines += [f"{one}: {overlap}" for one in new for overlap in overlaps(one, new)]
        lines += [CAUTION] if enables and new else []
        if lines:
            ask(self, *lines)

    def compare(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 where the two sides would fail to negotiate, or protect less."""
        [row] = chosen([options["name"]])
        found = compare_peer(row, _content(options["file"]), actor=command_line())
        wrong = [one.label for one in found if one.effect is not Effect.DIFFERS]
        lines: list[Mapping[str, Any]] = [
            {
                "field": one.field,
                "ours": one.ours,
                "theirs": one.theirs,
                "effect": one.effect.value,
                "about": f"{one.sentence} {one.cure}".strip(),
            }
            for one in found
        ]
        said = f"{row} and its peer don't agree: {', '.join(wrong)}." if wrong else None
        if options["as_json"]:
            return Judged({"differences": lines}, said)
        for text in as_table(lines):
            self.stdout.write(text)
        return Judged(None, said)


def _add(new: list[Definition], key: str, *, enabled: bool) -> list[Policy]:
    """All or none; what there is to be confirmed has been."""
    with transaction.atomic():
        return [
            add_policy(
                one,
                preshared_key=key if one.authentication is Authentication.PRESHARED_KEY else "",
                enabled=enabled,
                confirmed=(LEGACY, OVERLAP),
                actor=command_line(),
            )
            for one in new
        ]


def _content(name: str) -> bytes:
    """A file, or "-" for standard input; one byte more than may be read says that it is longer."""
    if name == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with Path(settings.CCXSEC_CALLED_FROM, name).open("rb") as file:
        return file.read(LARGEST + 1)
