"""`./ccxsec token`: make, list and revoke API tokens."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management import CommandParser
from django.utils import timezone

from ccxsec_project.api.models import ApiToken
from ccxsec_project.api.operations import add_token, revoke_token
from certificates.access import Permission, command_line
from certificates.management.operator_command import Answer, OperatorCommand
from certificates.refusal import Refused
from certificates.x509.visible import visible


class Command(OperatorCommand):
    help = "API tokens of users."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = self.verb(verbs, "add", self.add, "make a token; it is printed this once")
        add.add_argument("name", metavar="NAME", help="what will use it")
        add.add_argument("--user", required=True, metavar="USER", help="as whom it acts")
        add.add_argument(
            "--scope",
            action="append",
            default=[],
            metavar="PERMISSION",
            help=f"may be repeated: {', '.join(Permission)}",
        )
        add.add_argument("--days", type=int, default=90, metavar="N", help="default: 90")
        add.add_argument(
            "--network",
            action="append",
            default=[],
            metavar="ADDRESS",
            help="an address or network that it may be used from; may be repeated",
        )
        listing = self.verb(verbs, "list", self.list, "list tokens; never their text")
        revoke = self.verb(verbs, "revoke", self.revoke, "make a token useless, at once")
        revoke.add_argument("name", metavar="NAME")
        for one in (listing, revoke):
            one.add_argument("--user", metavar="USER", required=one is revoke)

    def add(self, options: dict[str, Any]) -> Answer:
        made = add_token(
            _user(options["user"]),
            name=options["name"],
            scopes=options["scope"],
            days=options["days"],
            networks=options["network"],
            actor=command_line(),
            now=timezone.now(),
        )
        return _line(made.row) | {"token": made.token.text}

    def list(self, options: dict[str, Any]) -> Answer:
        rows = ApiToken.objects.select_related("user").in_list_order()
        if options["user"]:
            rows = rows.filter(user=_user(options["user"]))
        return [_line(row) for row in rows.iterator(chunk_size=500)]

    def revoke(self, options: dict[str, Any]) -> Answer:
        rows = ApiToken.objects.filter(user=_user(options["user"]), name=options["name"])
        row = rows.select_related("user").in_list_order().first()
        if row is None:
            wrong = f"{options['user']} has no token {visible(options['name'])[:60]!r}."
            raise Refused("token.none", wrong, "See ./ccxsec token list.")
        revoke_token(row, actor=command_line(), now=timezone.now())
        return {"revoked": row.name, "user": str(row.user)}


def _user(name: str) -> User:
    """Raises `Refused` user.unknown."""
    user = User.objects.filter(username=name).first() if name.isprintable() else None
    if user is None:
        wrong = f"There is no user {visible(name)[:150]!r}."
        raise Refused("user.unknown", wrong, "Look at ./ccxsec users list.")
    return user


def _line(row: ApiToken) -> dict[str, Any]:
    return {
        "name": row.name,
        "user": str(row.user),
        "state": row.state(timezone.now()),
        "expires": row.expires_at.isoformat(timespec="seconds"),
        "last_used": row.used_at.isoformat(timespec="seconds") if row.used_at else "",
        "networks": ", ".join(row.networks),
        "scopes": ", ".join(row.scopes),
    }
