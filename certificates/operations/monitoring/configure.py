"""Set the Certificate Monitor: the manual's four fields, mail server, other channels (MO-1).

The mail server of the page wins over the one of the environment, as a whole.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction

from certificates import smtp
from certificates.access import Actor, Permission
from certificates.expiry.addresses import read_address, read_addresses
from certificates.expiry.periods import rule_of
from certificates.models import Action, Event, MonitorSettings, MonitorState, Secret
from certificates.models.monitor import SMTP_PASSWORD, WEBHOOK_KEY, Security
from certificates.operations.monitoring.compose import host_name as own_name
from certificates.operations.node import checked_address
from certificates.outgoing import is_loopback
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.webhook import checked_url, without_query
from certificates.x509.names import host_name
from certificates.x509.visible import visible

PORTS = range(1, 65536)
_LONGEST = 254  # characters of a user's name or a password


@dataclass(frozen=True, slots=True)
class MonitorChange:
    """Everything of the page. `smtp_host` "": the mail server of the environment is used.

    Args:
        addresses: as they were typed, separated by semicolons, commas or line ends.
        smtp_port: None takes the usual one of `smtp_security`.
        smtp_password: None keeps the one that is there; "" takes it out.
    """

    start_days: int
    frequency: int
    frequency_unit: str
    email_enabled: bool
    addresses: str
    smtp_host: str = ""
    smtp_port: int | None = None
    smtp_security: str = Security.STARTTLS
    smtp_user: str = ""
    smtp_sender: str = ""
    smtp_password: str | None = None
    webhook_url: str = ""
    syslog_enabled: bool = False

    @classmethod
    def of(cls, row: MonitorSettings) -> "MonitorChange":
        """What is set now, to change a part of it."""
        names = set(cls.__slots__) - {"addresses", "smtp_password"}
        values = {name: getattr(row, name) for name in names}
        return cls(addresses="; ".join(row.addresses), **values)


def configure_monitor(change: MonitorChange, *, actor: Actor, now: datetime) -> MonitorSettings:
    """Check everything, then write it.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: monitor.*, email.*, smtp.*, webhook.url. Nothing was changed.
    """
    actor.require(Permission.CONFIGURE)
    row = checked(change)
    with transaction.atomic():
        Event.objects.hold()
        refuse_to_tell_another(row, change)
        before = MonitorSettings.objects.current()
        row.calendar_digest, row.changed_at = before.calendar_digest, now
        row.save()
        told = asdict(change) | {"addresses": "; ".join(row.addresses)}
        told["smtp_password"] = _settle_password(row, before, change)
        if row.webhook_url:
            Secret.objects.obtain(WEBHOOK_KEY)
        MonitorState.objects.update(not_before=None, failures=0)  # try at once with what is new
        told["webhook_url"] = without_query(row.webhook_url)
        detail = {name: "" if value is None else value for name, value in told.items()}
        Event.objects.record(str(actor), Action.MONITOR_CHANGE, row, **detail)
    return row


def checked(change: MonitorChange) -> MonitorSettings:
    """The row, unsaved. Raises what `configure_monitor` refuses."""
    rule_of(change.start_days, change.frequency, change.frequency_unit)
    addresses = read_addresses(change.addresses).addresses
    if change.email_enabled and not addresses:
        wrong = say("E-mail notification is enabled without an address.")
        raise Refused("email.none", wrong, say("Write at least one, or switch it off."))
    row = MonitorSettings(
        pk=1,
        start_days=change.start_days,
        frequency=change.frequency,
        frequency_unit=change.frequency_unit,
        email_enabled=change.email_enabled,
        addresses=addresses,
        syslog_enabled=change.syslog_enabled,
        webhook_url=checked_url(change.webhook_url) if change.webhook_url.strip() else "",
    )
    if change.smtp_host.strip():
        _set_server(row, change)
    return row


def _set_server(row: MonitorSettings, change: MonitorChange) -> None:
    row.smtp_host = checked_host(change.smtp_host)
    if change.smtp_security not in Security.values:
        wrong = say(
            "{security} is no way to protect a connection.",
            security=repr(visible(change.smtp_security)),
        )
        raise Refused(
            "smtp.security",
            wrong,
            say("Choose one of: {known}.", known=", ".join(Security.values)),
        )
    row.smtp_security = change.smtp_security
    port = change.smtp_port
    if port is not None and port not in PORTS:
        raise Refused("smtp.port", say("{port} is no port.", port=port), say("Choose 1 to 65535."))
    row.smtp_port = port or Security(change.smtp_security).port
    row.smtp_user = change.smtp_user.strip()
    for text in (row.smtp_user, change.smtp_password or ""):
        if visible(text) != text or len(text) > _LONGEST:
            wrong = say(
                "The user or the password of the mail server is too long, or has a line break."
            )
            raise Refused("smtp.user", wrong, say("Type it again instead of pasting it."))
    refuse_clear_password(row.smtp_host, row.smtp_security, row.smtp_user)
    row.smtp_sender = read_sender(change.smtp_sender)


def checked_host(text: str) -> str:
    """A host name or an address, in its normal form. Raises `Refused` smtp.host."""
    typed = text.strip()
    for check in (checked_address, host_name):
        try:
            return check(typed)
        except Refused:
            continue
    wrong = say("{text} is neither a host name nor an IP address.", text=repr(visible(text)[:80]))
    raise Refused("smtp.host", wrong, say("Write it like smtp.example.com."))


def read_sender(text: str) -> str:
    """The address that messages come from; "" takes `ccxsec@` this server. Raises email.syntax."""
    return read_address(text) if text.strip() else ""


def refuse_clear_password(host: str, security: str, user: str) -> None:
    """Raises `Refused` smtp.clear-password."""
    if user and security == Security.NONE and not is_loopback(host):
        wrong = say("The password for {host} would go over the network in the clear.", host=host)
        raise Refused(
            "smtp.clear-password", wrong, say("Choose STARTTLS or TLS, or take out the user.")
        )


def refuse_to_tell_another(row: MonitorSettings, change: MonitorChange) -> None:
    """The password that is kept goes to the server it was entered for, and to no other.

    Raises:
        Refused: smtp.password.
    """
    same = _is_same_server(row, MonitorSettings.objects.current())
    is_kept = row.smtp_host and row.smtp_user and change.smtp_password is None
    if is_kept and not same and Secret.objects.filter(name=SMTP_PASSWORD).exists():
        wrong = say(
            "The password that is kept is not for {host} port {port}.",
            host=row.smtp_host,
            port=row.smtp_port,
        )
        raise Refused("smtp.password", wrong, say("Enter the one of this server."))


def _is_same_server(row: MonitorSettings, before: MonitorSettings) -> bool:
    return (row.smtp_host, row.smtp_port) == (before.smtp_host, before.smtp_port)


def _settle_password(row: MonitorSettings, before: MonitorSettings, change: MonitorChange) -> str:
    """What becomes of the password, in a word for the audit log.

    A server that is asked without a user does not inherit it: who adds a user later would else
    have it told to that server, which is another one.
    """
    if change.smtp_password is not None:
        _keep_password(change.smtp_password)
        return "changed"
    if row.smtp_host and not _is_same_server(row, before):
        _keep_password("")
        return "taken out"
    return "kept"


def _keep_password(password: str) -> None:
    if password:
        Secret.objects.keep(SMTP_PASSWORD, password.encode())
    else:
        Secret.objects.filter(name=SMTP_PASSWORD).delete()


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server in force, and where it is set: "page" or "environment"."""

    server: smtp.Server
    source: str


def mail_server(row: MonitorSettings, password: str | None = None) -> MailServer | None:
    """None: there is none, and nothing will be sent.

    Args:
        password: instead of the one that is kept.

    Raises:
        SealError: the password can't be opened.
    """
    fallback = f"ccxsec@{own_name()}"
    common = {"ca_file": settings.CCXSEC_SMTP_CA_FILE, "greets_as": own_name()}
    if row.smtp_host:
        port = row.smtp_port or Security(row.smtp_security).port
        kept = smtp_password() if password is None else password
        return MailServer(
            smtp.Server(
                row.smtp_host,
                port,
                row.smtp_security,
                user=row.smtp_user,
                password=kept if row.smtp_user else "",
                sender=row.smtp_sender or fallback,
                **common,
            ),
            "page",
        )
    if not settings.CCXSEC_SMTP_HOST:
        return None
    security = settings.CCXSEC_SMTP_SECURITY
    return MailServer(
        smtp.Server(
            settings.CCXSEC_SMTP_HOST,
            settings.CCXSEC_SMTP_PORT or Security(security).port,
            security,
            user=settings.CCXSEC_SMTP_USER,
            password=settings.CCXSEC_SMTP_PASSWORD,
            sender=settings.CCXSEC_SMTP_FROM or fallback,
            **common,
        ),
        "environment",
    )


def smtp_password() -> str:
    """The one that is kept; "" for none. Raises `SealError`."""
    kept = Secret.objects.filter(name=SMTP_PASSWORD).first()
    return kept.unseal().decode() if kept else ""


@transaction.atomic
def renew_webhook_key(*, actor: Actor) -> str:
    """A new key for the webhook's signatures, in hexadecimal: it is shown this once.

    Raises:
        PermissionDenied: `actor` may not configure.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    key = secrets.token_bytes(32)
    row = Secret.objects.keep(WEBHOOK_KEY, key)
    Event.objects.record(str(actor), Action.MONITOR_WEBHOOK_KEY, row)
    return key.hex()


@transaction.atomic
def switch_calendar(*, on: bool, actor: Actor) -> str:
    """A new secret for the calendar feed, which is shown this once; "" when it is switched off.

    Raises:
        PermissionDenied: `actor` may not configure.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    row = MonitorSettings.objects.current()
    token = secrets.token_urlsafe(32) if on else ""
    row.calendar_digest = digest_of_token(token) if on else ""
    row.save()
    Event.objects.record(str(actor), Action.MONITOR_CALENDAR, row, on=on)
    return token


def digest_of_token(token: str) -> str:
    """What is kept of a feed's secret."""
    return sha256(token.encode()).hexdigest()
