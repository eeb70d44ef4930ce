"""Send a test message, and say what the mail server answered (MO-3)."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import translation

from certificates import smtp
from certificates.access import Actor, Permission
from certificates.expiry.mail import trial_message
from certificates.models import Action, Event, MonitorSettings
from certificates.operations.monitoring.compose import base_address, host_name, new_identifier
from certificates.operations.monitoring.configure import (
    MonitorChange,
    checked,
    mail_server,
    refuse_clear_password,
    refuse_to_tell_another,
)
from certificates.refusal import Refused
from certificates.sentence import say, together

PATIENCE = 4.0  # seconds for each answer: a browser waits
WHOLE = 8.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test came to. `lines`: each address with the server's own answer."""

    was_taken: bool
    sentence: str
    lines: list[str]


def send_trial(change: MonitorChange | None, *, actor: Actor, now: datetime) -> Trial:
    """Send to every address of `change`, which need not be saved; None: as it is saved.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: what `configure_monitor` refuses; smtp.none, smtp.password,
            email.none.
        SealError: the password can't be opened.
    """
    actor.require(Permission.CONFIGURE)
    row = MonitorSettings.objects.current() if change is None else checked(change)
    if change is not None:
        refuse_to_tell_another(row, change)
    found = mail_server(row, None if change is None else change.smtp_password)
    if found is None:
        wrong = say("There is no SMTP host: nothing can be sent.")
        raise Refused("smtp.none", wrong, say("Enter the mail server, or set CCXSEC_SMTP_HOST."))
    if not row.addresses:
        wrong = say("There is no address to send a test message to.")
        raise Refused("email.none", wrong, say("Write at least one under E-mail IDs."))
    server = found.server
    refuse_clear_password(server.host, server.security, server.user)
    with transaction.atomic():
        where = f"{server.host} port {server.port}"
        Event.objects.record(
            str(actor), Action.MONITOR_TEST, where, addresses="; ".join(row.addresses)
        )
    with translation.override(settings.LANGUAGE_CODE):
        content = trial_message(
            node=host_name(),
            base=base_address(),
            message_id=new_identifier(),
            sender=server.sender,
            recipients=row.addresses,
            at=now.replace(microsecond=0),
        )
    said = smtp.converse(
        server, row.addresses, content, patience=PATIENCE, whole=WHOLE, last=PATIENCE
    )
    return _told(said)


def _told(said: smtp.Conversation) -> Trial:
    lines = [f"{address}: {answer}" for address, answer in said.recipients.items()]
    if not said.was_taken:
        return Trial(False, said.problem, lines)
    refused = [one for one, answer in said.recipients.items() if not answer.is_taken]
    sentence = say("The server took the test message: {reply}.", reply=said.reply)
    if refused:
        few, all_of_them = len(refused), len(said.recipients)
        more = say("It refused {count} of {total} addresses.", count=few, total=all_of_them)
        sentence = together(sentence, more)
    return Trial(not refused, sentence, lines)
