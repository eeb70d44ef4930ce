"""`./ccxsec ipsec apply` and `status`: what is in force, and what is not."""

from typing import Any

from certificates.access import command_line
from certificates.management.operator_command import Answer, Judged, as_table
from ipsec.management.answers import chosen, not_in_force, standing_details, standing_line
from ipsec.management.in_force import InForce
from ipsec.models import Policy
from ipsec.operations import apply, listen, planned, standings
from ipsec.operations.plan import Plan
from ipsec.policy.swanctl_text import comment


class ForceVerbs(InForce):
    def add_force_verbs(self, verbs: Any) -> None:
        force = self.verb(verbs, "apply", self.apply, "make what is in force what is intended")
        force.add_argument(
            "--dry-run",
            action="store_true",
            help="print it as a swanctl.conf without its secrets, and what would be changed",
        )
        status = self.verb(
            verbs, "status", self.status, "how policies stand; exit status 1 where not as intended"
        )
        status.add_argument("names", nargs="*", metavar="GROUP/NAME", help="default: all")

    def apply(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 without a daemon, and where a policy can't be put in force."""
        if options["dry_run"]:
            return _as_planned(planned(), options)
        done = apply(actor=command_line())
        steps = ("loaded", "unloaded", "terminated", "installed", "uninstalled")
        answer = {step: getattr(done, step) for step in steps}
        troubles = [f"{policy}: {why}" for policy, why in done.troubles.items()]
        return Judged({"result": str(done), **answer, "troubles": troubles}, _first(troubles))

    def status(self, options: dict[str, Any]) -> Answer:
        named = options["names"]
        rows = chosen(named) if named else list(Policy.objects.in_list_order())
        heard = listen()
        found = standings(rows, heard)
        wrong = not_in_force(rows, found)
        enabled = sum(row.is_enabled for row in rows)
        reason = None
        if wrong:
            listed = ", ".join(wrong[:5]) + (", …" if len(wrong) > 5 else "")  # noqa: PLR2004
            reason = f"{len(wrong)} of {enabled} enabled policies are not as intended: {listed}."
        others = [name for name, one in heard.connections.items() if not one.is_ours]
        if options["as_json"]:
            told = [standing_details(row, found[row.pk]) for row in rows]
            return Judged({"policies": told, "others": others, "silence": heard.silence}, reason)
        for text in as_table(standing_line(row, found[row.pk]) for row in rows):
            self.stdout.write(text)
        if heard.silence and enabled:
            self.warn([f"{heard.silence} {heard.silence_cure}"])
        if others and not named:
            self.print_value("loaded by others, left as they are", others)
        return Judged(None, reason)


def _as_planned(plan: Plan, options: dict[str, Any]) -> Answer:
    told = {
        "load": plan.load,
        "unload": plan.unload,
        "terminate": plan.terminate,
        "troubles": [f"{policy}: {why}" for policy, why in plan.troubles.items()],
        "silence": plan.silence,
    }
    if options["as_json"]:
        return {**told, "configuration": plan.configuration}
    lines = [
        f"Would {what}: {name}" for what in ("load", "unload", "terminate") for name in told[what]
    ]
    if plan.silence:
        lines = [plan.silence]
    text = plan.configuration + comment("\n".join(lines or ["Nothing would be changed."]))
    return text.encode()


def _first(troubles: list[str]) -> str | None:
    if not troubles:
        return None
    more = f" {len(troubles) - 1} more policies are not in force." if len(troubles) > 1 else ""
    return troubles[0] + more
