"""`./ccxsec users`: let somebody in again who is locked out or has lost the second factor."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management import CommandParser
from django.utils import timezone

from ccxsec_project.authentication import lock_out, second_factor
from certificates.access import command_line
from certificates.management.operator_command import Answer, OperatorCommand
from certificates.refusal import Refused


class Command(OperatorCommand):
    help = "People who sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "list", self.list, "who may sign in, with which second factor")
        unlock = self.verb(verbs, "unlock", self.unlock, "forget the failed attempts of a name")
        unlock.add_argument("name")
        reset = self.verb(
            verbs, "reset-second-factor", self.reset, "take away a lost second factor"
        )
        reset.add_argument("name")

    def list(self, options: dict[str, Any]) -> Answer:
        now = timezone.now()
        return [
            {
                "name": user.get_username(),
                "active": "yes" if user.is_active and user.is_staff else "no",
                "second_factor": "yes" if second_factor.is_enrolled(user) else "no",
                "recovery_codes": str(second_factor.codes_left(user)),
                "locked": "yes" if lock_out.is_locked(user.get_username(), now=now) else "no",
            }
            for user in User.objects.order_by("username")
        ]

    def unlock(self, options: dict[str, Any]) -> Answer:
        name = _user(options["name"]).get_username()
        done = lock_out.unlock(name, actor=str(command_line()))
        return {"user": name, "result": "unlocked" if done else "no failure was counted"}

    def reset(self, options: dict[str, Any]) -> Answer:
        user = _user(options["name"])
        done = second_factor.reset(user, actor=str(command_line()))
        return {
            "user": user.get_username(),
            "result": "the second factor is removed" if done else "there was no second factor",
        }


def _user(name: str) -> User:
    """Raises `Refused` user.unknown."""
    user = User.objects.filter(username=name).first()
    if user is None:
        wrong = f"There is no user {name!r}."
        raise Refused("user.unknown", wrong, "Look at ./ccxsec users list.")
    return user
