"""`./ccxsec ipsec enable`, `disable`, `delete`, `confirm`, `upgrade` (IP-3 to IP-5)."""

from argparse import ArgumentParser
from typing import Any

from certificates.access import command_line
from certificates.management.operator_command import Answer, ask
from ipsec.management.answers import chosen_or_all, moment
from ipsec.management.in_force import CAUTION, SHOWN
from ipsec.management.policy_verbs import PolicyVerbs
from ipsec.models import IpsecSettings, Policy
from ipsec.operations import confirm_trial, delete_policies, set_enabled, switch_upgrade


class SwitchVerbs(PolicyVerbs):
    def add_switch_verbs(self, verbs: Any) -> None:
        enable = self.verb(verbs, "enable", self.enable, "enable policies: put them in force")
        enable.add_argument(
            "--trial",
            type=int,
            metavar="MINUTES",
            help="disable them again after so many, unless `confirm` comes before",
        )
        disable = self.verb(
            verbs, "disable", self.disable, "disable policies: traffic in the clear"
        )
        delete = self.verb(verbs, "delete", self.delete, "delete policies with their keys")
        delete.add_argument("--yes", action="store_true", help="confirm every caution")
        confirm = self.verb(verbs, "confirm", self.confirm, "keep what was enabled on trial")
        for parser in (enable, disable, delete, confirm):
            _add_names(parser)
        upgrade = self.verb(
            verbs,
            "upgrade",
            self.upgrade,
            "System upgrade in progress: every change is refused meanwhile",
        )
        upgrade.add_argument("what", choices=["on", "off", "show"])

    def enable(self, options: dict[str, Any]) -> Answer:
        rows = chosen_or_all(options)
        self.warn([CAUTION] if rows else [])
        changed = set_enabled(
            rows, enabled=True, trial_minutes=options["trial"], actor=command_line()
        )
        return {"enabled": _names(changed)} | (self.put_in_force(rows) if rows else {})

    def disable(self, options: dict[str, Any]) -> Answer:
        rows = chosen_or_all(options)
        changed = set_enabled(rows, enabled=False, actor=command_line())
        return {"disabled": _names(changed)} | (self.put_in_force([]) if changed else {})

    def delete(self, options: dict[str, Any]) -> Answer:
        rows = chosen_or_all(options)
        if rows and not options["yes"]:
            enabled = sum(row.is_enabled for row in rows)
            listed = ", ".join(_names(rows[:SHOWN])) + (", …" if len(rows) > SHOWN else "")
            ask(
                self,
                f"This deletes {len(rows)} policies with their keys: {listed}.",
                f"{enabled} of them are enabled: their traffic goes in the clear then.",
            )
        deleted = delete_policies(rows, actor=command_line())
        was_enabled = any(row.is_enabled for row in rows)
        return {"deleted": deleted} | (self.put_in_force([]) if was_enabled else {})

    def confirm(self, options: dict[str, Any]) -> Answer:
        return {"confirmed": _names(confirm_trial(chosen_or_all(options), actor=command_line()))}

    def upgrade(self, options: dict[str, Any]) -> Answer:
        if options["what"] != "show":
            switch_upgrade(on=options["what"] == "on", actor=command_line())
        row = IpsecSettings.objects.current()
        return {
            "upgrade_in_progress": row.upgrade_in_progress,
            "since": moment(row.upgrade_since),
            "by": row.upgrade_by,
        }


def _add_names(parser: ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="GROUP/NAME")
    parser.add_argument("--all", action="store_true", help="every policy")


def _names(rows: list[Policy]) -> list[str]:
    return [str(row) for row in rows]
