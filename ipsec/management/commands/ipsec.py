"""`./ccxsec ipsec`: IPsec policies, what is in force of them, and why not."""

from typing import Any

from django.core.management import CommandParser

from certificates.conditions import from_words
from certificates.management.operator_command import Answer
from ipsec.find import to_query
from ipsec.management.answers import chosen, details, line, moment, standing_details
from ipsec.management.force_verbs import ForceVerbs
from ipsec.management.mirror_verbs import MirrorVerbs
from ipsec.management.negotiate_verbs import NegotiateVerbs
from ipsec.management.switch_verbs import SwitchVerbs
from ipsec.models import Negotiation, Policy
from ipsec.operations import standings

LONGEST = 253  # characters of a field
MOST_ROWS = 1_000_000


class Command(SwitchVerbs, ForceVerbs, NegotiateVerbs, MirrorVerbs):
    help = "IPsec policies of this server."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = self.verb(verbs, "list", self.list, "every policy")
        listing.add_argument(
            "--find",
            action="append",
            default=[],
            metavar='"FIELD OPERATOR VALUE"',
            help='such as "destination begins with 192.0.2."; may be repeated, all must match',
        )
        which = listing.add_mutually_exclusive_group()
        which.add_argument("--enabled", action="store_const", const=True, dest="enabled")
        which.add_argument("--disabled", action="store_const", const=False, dest="enabled")
        show = self.verb(verbs, "show", self.show, "every field of a policy, and how it stands")
        show.add_argument("name", metavar="GROUP/NAME")
        self.add_policy_verbs(verbs)
        self.add_switch_verbs(verbs)
        self.add_force_verbs(verbs)
        self.add_negotiate_verbs(verbs)
        self.add_mirror_verbs(verbs)
        history = self.verb(verbs, "history", self.history, "what happened, newest first")
        history.add_argument("name", nargs="?", metavar="GROUP/NAME", help="default: every policy")
        history.add_argument("--limit", type=int, default=50, metavar="N", help="default: 50")

    def list(self, options: dict[str, Any]) -> Answer:
        wanted = to_query([from_words(text) for text in options["find"]])
        rows = Policy.objects.filter(wanted).in_list_order()
        if options["enabled"] is not None:
            rows = rows.filter(is_enabled=options["enabled"])
        return [line(row) for row in rows.iterator(chunk_size=1000)]

    def show(self, options: dict[str, Any]) -> Answer:
        [row] = chosen([options["name"]])
        return {**standing_details(row, standings([row])[row.pk]), **details(row)}

    def history(self, options: dict[str, Any]) -> Answer:
        rows = Negotiation.objects.select_related("policy")
        if options["name"]:
            rows = rows.filter(policy=chosen([options["name"]])[0])
        return [
            {
                "at": moment(row.at),
                "times": row.times,
                "last_at": moment(row.last_at),
                "policy": str(row.policy),
                "what": row.kind,
                "sentence": row.sentence,
                "cure": row.cure,
                "field": row.field,
            }
            for row in rows[: min(max(0, options["limit"]), MOST_ROWS)]
        ]
