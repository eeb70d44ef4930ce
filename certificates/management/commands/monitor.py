"""`./ccxsec monitor`: expiry notices, how they are sent, and what became of them."""

import sys
from dataclasses import replace
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date

from certificates.access import command_line
from certificates.management.monitor_answers import deliveries, shown, trial_lines
from certificates.management.operator_command import (
    Answer,
    Judged,
    OperatorCommand,
    add_node,
    node_of,
)
from certificates.models import Certificate, MonitorSettings, SilenceRule
from certificates.models.monitor import Security, SilenceField, SilenceOperator
from certificates.models.notification import DeliveryState
from certificates.operations import (
    acknowledge_expiry,
    add_rule,
    configure_monitor,
    remove_rule,
    run_monitor,
    send_trial,
    withdraw,
)
from certificates.operations.monitoring import MonitorChange
from certificates.refusal import Refused

# Options of `set` -> what they change.
_PLAIN = {
    "start_time": "start_days",
    "frequency": "frequency",
    "unit": "frequency_unit",
    "to": "addresses",
    "smtp_host": "smtp_host",
    "smtp_port": "smtp_port",
    "smtp_security": "smtp_security",
    "smtp_user": "smtp_user",
    "smtp_from": "smtp_sender",
    "webhook": "webhook_url",
}
_SWITCHES = {"email": "email_enabled", "syslog": "syslog_enabled"}
_LONGEST_PASSWORD = 1000  # bytes that are read of its file


class Command(OperatorCommand):
    help = "The Certificate Monitor."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "show", self.show, "how it is set, what is due, what it did last")
        self._add_set(verbs)
        self.verb(verbs, "run", self.run, "look now, and send what is due")
        self.verb(verbs, "test", self.test, "send a test message; the server's own answer")
        log = self.verb(verbs, "log", self.log, "messages, and what the server answered")
        log.add_argument("--limit", type=int, default=50, metavar="N", help="default: 50")
        ack = self.verb(verbs, "ack", self.acknowledge, "no notice about a certificate until then")
        ack.add_argument("certificate", help="PURPOSE, PURPOSE/FILE, or the fingerprint")
        ack.add_argument("--until", required=True, metavar="YYYY-MM-DD")
        ack.add_argument("--reason", required=True)
        unack = self.verb(verbs, "unack", self.unacknowledge, "notices about it come again")
        unack.add_argument("certificate", help="PURPOSE, PURPOSE/FILE, or the fingerprint")
        for one in (ack, unack):
            add_node(one)
        self._add_rule(verbs)

    def _add_set(self, verbs: Any) -> None:
        change = self.verb(verbs, "set", self.set, "change what is given; the rest stays")
        change.add_argument("--start-time", type=int, metavar="DAYS", help="before the expiry")
        change.add_argument("--frequency", type=int, metavar="N")
        change.add_argument("--unit", choices=["hours", "days"], help="of the frequency")
        change.add_argument("--email", choices=["on", "off"])
        change.add_argument("--to", metavar="ADDRESSES", help="separated by ; or ,")
        change.add_argument("--smtp-host", metavar="HOST", help="empty: that of the environment")
        change.add_argument("--smtp-port", type=int, metavar="PORT")
        change.add_argument("--smtp-security", choices=Security.values)
        change.add_argument("--smtp-user", metavar="USER")
        change.add_argument(
            "--smtp-password-file", metavar="FILE", help="- reads it from standard input"
        )
        change.add_argument("--smtp-from", metavar="ADDRESS")
        change.add_argument("--webhook", metavar="URL", help="empty: none")
        change.add_argument("--syslog", choices=["on", "off"])

    def _add_rule(self, verbs: Any) -> None:
        rule = self.verb(verbs, "rule", self.rule, "trust certificates that nobody is told about")
        rule.add_argument("what", choices=["list", "add", "remove"])
        rule.add_argument("name", nargs="?", default="")
        rule.add_argument("--field", choices=SilenceField.values, default="purpose")
        rule.add_argument("--operator", choices=SilenceOperator.values, default="is")
        rule.add_argument("--value", default="")
        rule.add_argument("--reason", default="")

    def show(self, options: dict[str, Any]) -> Answer:
        return shown(now=timezone.now())

    def set(self, options: dict[str, Any]) -> Answer:
        changes = {
            name: options[option] for option, name in _PLAIN.items() if options[option] is not None
        }
        for option, name in _SWITCHES.items():
            if options[option]:
                changes[name] = options[option] == "on"
        if options["smtp_password_file"]:
            changes["smtp_password"] = _password(options["smtp_password_file"])
        before = MonitorChange.of(MonitorSettings.objects.current())
        configure_monitor(replace(before, **changes), actor=command_line(), now=timezone.now())
        return shown(now=timezone.now())

    def run(self, options: dict[str, Any]) -> Answer:
        done = run_monitor(now=timezone.now(), hurry=True)
        not_taken = [
            f"{one.address}: {one.reply}"
            for message in done.messages
            for one in message.deliveries.exclude(state=DeliveryState.SENT)
        ]
        answer = {
            "newly_due": done.due,
            "messages": [f"{m.get_channel_display()}, {m.state}: {m}" for m in done.messages],
            "problems": [f"{channel}: {text}" for channel, text in done.problems.items()],
            "not_taken": not_taken,
        }
        wrong = [*done.problems.values(), *not_taken]
        return Judged(answer, "; ".join(wrong) or None)

    def test(self, options: dict[str, Any]) -> Answer:
        trial = send_trial(None, actor=command_line(), now=timezone.now())
        return Judged(trial_lines(trial), None if trial.was_taken else trial.sentence)

    def log(self, options: dict[str, Any]) -> Answer:
        return deliveries(limit=options["limit"])

    def acknowledge(self, options: dict[str, Any]) -> Answer:
        row, until = _certificate(options), _end_of(options["until"])
        done = acknowledge_expiry(
            row, until=until, reason=options["reason"], actor=command_line(), now=timezone.now()
        )
        return {"acknowledged": done.text, "until": until.isoformat()}

    def unacknowledge(self, options: dict[str, Any]) -> Answer:
        row = _certificate(options)
        withdraw(row, actor=command_line(), now=timezone.now())
        return {"withdrawn": f"{row.file_name} on {row.node}"}

    def rule(self, options: dict[str, Any]) -> Answer:
        if options["what"] == "add":
            given = {name: options[name] for name in ("name", "field", "operator", "value")}
            add_rule(**given, reason=options["reason"], actor=command_line(), now=timezone.now())
        elif options["what"] == "remove":
            row = SilenceRule.objects.filter(name=options["name"]).first()
            if row is None:
                wrong = f"There is no rule {options['name']!r}."
                raise Refused("rule.unknown", wrong, "See ./ccxsec monitor rule list.")
            remove_rule(row, actor=command_line())
        return [
            {"name": row.name, "rule": row.sentence, "reason": row.reason, "by": row.by}
            for row in SilenceRule.objects.all()
        ]


def _certificate(options: dict[str, Any]) -> Certificate:
    """Raises `Refused` node.unknown, certificate.unknown, certificate.several."""
    node, asked = node_of(options), options["certificate"]
    rows = Certificate.objects.active().filter(node=node).select_related("node").defer("der")
    purpose, _, file_name = asked.partition("/")
    if file_name:
        found = rows.filter(purpose=purpose, file_name__in=[file_name, f"{file_name}.pem"])
    else:
        own = rows.filter(purpose=purpose, is_own=True)
        found = own or rows.filter(fingerprint=asked.lower().replace(":", ""))
    some = list(found[:2])
    if len(some) == 1:
        return some[0]
    if some:
        wrong = f"{asked!r} names several certificates of {node}."
        raise Refused("certificate.several", wrong, "Name it by its fingerprint.")
    wrong = f"{node} has no active certificate {asked!r}."
    raise Refused("certificate.unknown", wrong, "See ./ccxsec cert list.")


def _end_of(text: str) -> datetime:
    """The end of a day in the operator's zone. Raises `Refused` acknowledge.until."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or day.year >= MAXYEAR:
        raise Refused("acknowledge.until", f"{text!r} is no date.", "Write it like 2027-01-31.")
    following = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return timezone.make_aware(following.replace(tzinfo=None))


def _password(name: str) -> str:
    """From a file or standard input, its line end left out."""
    if name == "-":
        data = sys.stdin.buffer.read(_LONGEST_PASSWORD)
    else:
        with (Path(settings.CCXSEC_CALLED_FROM or ".") / name).open("rb") as file:
            data = file.read(_LONGEST_PASSWORD)
    return data.decode(errors="replace").rstrip("\r\n")
