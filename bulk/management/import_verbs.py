"""`./ccxsec bulk import` and `read`: looked at first, then what was shown, and nothing else."""

import getpass
import sys
from typing import Any

from django.utils import timezone

from bulk.management.answers import item_line, plan_details
from bulk.management.following import Following, failed, is_done
from bulk.models import Plan, Verdict
from bulk.operations import look_at_file, request_import, request_look, standing
from certificates.access import command_line
from certificates.management.operator_command import Answer, as_table, ask, secret_in
from certificates.models import Job, Purpose
from certificates.refusal import Refused

_STORES = [purpose.value for purpose in Purpose if not purpose.is_own]
_NEXT = "See what must be restarted (./ccxsec restart list). Then make a backup."


class ImportVerbs(Following):
    def add_import_verbs(self, verbs: Any) -> None:
        importing = self.verb(
            verbs, "import", self.import_all, "other clusters' certificates, into every trust store"
        )
        importing.add_argument(
            "--remove", action="store_true", help="also remove what its cluster has no longer"
        )
        read = self.verb(
            verbs, "read", self.read, "the certificates of a foreign PKCS#12 in the directory"
        )
        read.add_argument("file", metavar="FILE", help="its name on the server")
        read.add_argument("--store", required=True, choices=_STORES)
        read.add_argument("--passphrase-file", metavar="FILE|-", help="- reads standard input")
        for parser in (importing, read):
            parser.add_argument(
                "--dry-run", action="store_true", help="print every certificate with its verdict"
            )
            parser.add_argument("--yes", action="store_true", help="confirm what was found")

    def import_all(self, options: dict[str, Any]) -> Answer:
        ended = self.follow(request_look(actor=command_line()))
        refuse_missing(ended)
        plan = Plan.objects.of_job(ended)
        if plan is None or not is_done(ended):
            return failed(ended)
        return self._go_on(plan, options, remove=options["remove"])

    def read(self, options: dict[str, Any]) -> Answer:
        plan = look_at_file(
            options["file"],
            purpose=options["store"],
            passphrase=_passphrase(options["passphrase_file"]),
            actor=command_line(),
            now=timezone.now(),
        )
        return self._go_on(plan, options, remove=False)

    def _go_on(self, plan: Plan, options: dict[str, Any], *, remove: bool) -> Answer:
        """Print it all, or import it."""
        if options["dry_run"]:
            return self._shown(plan, options)
        counts = plan.counts()
        is_changing = any(one.is_added for one in counts) or (remove and Verdict.GONE in counts)
        if (is_changing or plan.new_keys()) and not options["yes"]:
            ask(self, *_question(plan, remove=remove))
        job = request_import(plan, shown=plan.digest, remove=remove, actor=command_line())
        told = {verdict.value: count for verdict, count in counts.items()}
        ended = self.follow(job)
        more = {"next": _NEXT} if is_changing and is_done(ended) else {}
        return self.judged(ended, counts=told, left_out=plan.refused, **more)

    def _shown(self, plan: Plan, options: dict[str, Any]) -> Answer:
        told = plan_details(plan)
        if options["as_json"]:
            return told
        for line in as_table(item_line(item) for item in plan.items.all()):
            self.stdout.write(line)
        return {name: told[name] for name in ("counts", "left_out")}


def refuse_missing(looked: Job) -> None:
    """Refuse where the conditions of BK-4 don't hold by the look that has just been taken.

    A look that did not come to the server says why itself.

    Raises:
        Refused: import.missing.
    """
    found = standing(now=timezone.now())
    seen_at = found.server.seen_at
    if found.missing and seen_at and seen_at >= looked.created_at:
        wrong = f"Nothing can be imported yet. {' '.join(found.missing)}"
        raise Refused("import.missing", wrong, "See ./ccxsec bulk show.")


def _passphrase(file: str | None) -> str:
    """From a file; without one a hidden answer on a terminal. "": the file has none."""
    if file:
        return secret_in(file, "Pass phrase: ")
    return getpass.getpass("Pass phrase (empty for none): ") if sys.stdin.isatty() else ""


def _question(plan: Plan, *, remove: bool) -> list[str]:
    lines = [f"The {plan} would find: {_in_words(plan)}."]
    lines += [f"Left out: {line}" for line in plan.refused]
    lines += [f"{line}: its other key vouches for it." for line in plan.new_keys()]
    gone = plan.counts().get(Verdict.GONE, 0)
    if gone:
        lines.append(
            f"{gone} that their clusters have no longer are removed."
            if remove
            else f"{gone} that their clusters have no longer stay (--remove takes them away)."
        )
    lines.append("The certificates that are new or renewed go to the trust store of every node.")
    return lines


def _in_words(plan: Plan) -> str:
    counts = plan.counts().items()
    said = ", ".join(f"{count} {verdict.label.lower()}" for verdict, count in counts)
    return said or "no certificates"
