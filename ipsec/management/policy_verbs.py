"""`./ccxsec ipsec add` and `set`: a policy by its options, its key from a file alone (IP-2)."""

from argparse import ArgumentParser
from collections.abc import Collection
from typing import Any

from certificates.access import command_line
from certificates.management.operator_command import Answer, ask, secret_in
from ipsec.management.answers import chosen, details
from ipsec.management.definition_options import add_definition, defined
from ipsec.management.in_force import CAUTION, InForce
from ipsec.models import Policy
from ipsec.operations import PolicyRefused, add_policy, change_policy, examine, warnings
from ipsec.policy.definition import Definition


class PolicyVerbs(InForce):
    def add_policy_verbs(self, verbs: Any) -> None:
        add = self.verb(verbs, "add", self.add, "add a policy")
        add.add_argument("name", metavar="GROUP/NAME")
        add_definition(add, is_new=True)
        add.add_argument("--enable", action="store_true", help="put it in force")
        _add_saving(add)
        change = self.verb(verbs, "set", self.set, "change what is given of a policy")
        change.add_argument("name", metavar="GROUP/NAME")
        change.add_argument("--rename", metavar="GROUP/NAME", help="another name for it")
        add_definition(change, is_new=False)
        switch = change.add_mutually_exclusive_group()
        switch.add_argument("--enable", action="store_const", const=True, dest="enabled")
        switch.add_argument("--disable", action="store_const", const=False, dest="enabled")
        _add_saving(change)

    def add(self, options: dict[str, Any]) -> Answer:
        definition = defined(options)
        key = secret_in(options["key_file"], f"Pre-shared key of {definition}: ")
        row = add_policy(
            definition,
            preshared_key=key,
            enabled=options["enable"],
            trial_minutes=options["trial"],
            with_pair=options["with_pair"],
            confirmed=self._confirmed(definition, key, options, enables=options["enable"]),
            actor=command_line(),
        )
        return {"added": str(row)} | self._told(row, applied=row.is_enabled or options["with_pair"])

    def set(self, options: dict[str, Any]) -> Answer:
        [row] = chosen([options["name"]])
        seen, was_enabled = row.revision, row.is_enabled
        definition = defined(options, row.definition)
        key = secret_in(options["key_file"], f"Pre-shared key of {definition}: ")
        enables = bool(options["enabled"]) and not was_enabled
        row = change_policy(
            row,
            definition,
            preshared_key=key,
            enabled=options["enabled"],
            trial_minutes=options["trial"],
            revision=seen,
            with_pair=options["with_pair"],
            confirmed=self._confirmed(definition, key, options, enables=enables, policy=row),
            actor=command_line(),
        )
        applied = row.is_enabled or was_enabled or options["with_pair"]
        return {"changed": str(row)} | self._told(row, applied=applied)

    def _told(self, row: Policy, *, applied: bool) -> dict[str, Any]:
        standing = self.put_in_force([row]) if applied else {}
        return {**details(Policy.objects.get(pk=row.pk)), **standing}

    def _confirmed(
        self,
        definition: Definition,
        key: str,
        options: dict[str, Any],
        *,
        enables: bool,
        policy: Policy | None = None,
    ) -> Collection[str]:
        """The codes of the warnings, once they are confirmed; what is refused is not asked about.

        Raises:
            PolicyRefused: some fields can't be so.
            Refused: confirm.no.
        """
        told = warnings(definition, policy)
        lines = [*told.values(), *([CAUTION] if enables else [])]
        if lines and not options["yes"]:
            found = examine(
                definition, preshared_key=key, policy=policy, with_pair=options["with_pair"]
            )
            if found:
                raise PolicyRefused(found)
            ask(self, *lines)
        return told.keys()


def _add_saving(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="with the pre-shared key; - reads it from standard input, or asks for it hidden",
    )
    parser.add_argument(
        "--trial",
        type=int,
        metavar="MINUTES",
        help="disable it again after so many, unless `confirm` comes before",
    )
    parser.add_argument(
        "--with-pair",
        action="store_true",
        help="the other policies of the same two hosts follow in what they share",
    )
    parser.add_argument("--yes", action="store_true", help="confirm every caution")
