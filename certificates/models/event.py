"""The audit log: append-only rows, each bound to the one before it.

An event is written in the transaction of the change that it tells of: no audit, no action. Its
code is an HMAC-SHA256 over the row and the code before it, under a key that the database holds
only sealed; the newest code is also kept in a file outside the database.
"""

import hmac
import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from certificates import anchor
from certificates.models.insertion import insert_many
from certificates.models.secret import Secret
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

Detail = Mapping[str, str | int | bool]
logger = logging.getLogger(__name__)
AUDIT_LOCK = 7_202_611  # any number that no other advisory lock of this database uses


class Action(StrEnum):
    """What was done; one name for one kind of event."""

    CERTIFICATE_GENERATE = "certificate:generate"
    CERTIFICATE_DEPLOY = "certificate:deploy"
    CERTIFICATE_INSTALL = "certificate:install"
    CERTIFICATE_ROLL_BACK = "certificate:roll-back"
    TRUST_ADD = "trust:add"
    TRUST_DELETE = "trust:delete"
    REQUEST_GENERATE = "signing-request:generate"
    REQUEST_DOWNLOAD = "signing-request:download"
    REQUEST_CANCEL = "signing-request:cancel"
    REQUEST_REOPEN = "signing-request:reopen"
    KEY_READ = "private-key:read"
    NODE_ADD = "node:add"
    NODE_CHANGE = "node:change"
    NODE_REACH = "node:reach"
    NODE_PIN = "node:pin-host-key"
    NODE_HOST_KEY = "node:host-key-changed"
    PLACE_CHANGE = "service-settings:change"
    STORE_DRIFT = "store:changed-by-hand"
    STORE_OVERWRITE = "store:overwrite"
    ENDPOINT_ADD = "endpoint:add"
    ENDPOINT_REMOVE = "endpoint:remove"
    ENDPOINT_PROBE = "endpoint:probe"
    CERTIFICATE_OBSERVE = "certificate:observe"
    RESTART_RUN = "restart:run"
    RESTART_SEEN = "restart:seen"
    RESTART_ACKNOWLEDGE = "restart:acknowledge"
    BACKUP_ACKNOWLEDGE = "backup:acknowledge"
    BACKUP_CREATE = "backup:create"
    BACKUP_DOWNLOAD = "backup:download"
    BACKUP_REMOVE = "backup:remove"
    BACKUP_RESTORE = "backup:restore"
    BACKUP_SETTINGS = "backup:settings"
    MONITOR_CHANGE = "monitor:change"
    MONITOR_TEST = "monitor:test"
    MONITOR_CALENDAR = "monitor:calendar"
    MONITOR_WEBHOOK_KEY = "monitor:webhook-key"
    EXPIRY_ACKNOWLEDGE = "expiry:acknowledge"
    EXPIRY_WITHDRAW = "expiry:withdraw"
    EXPIRY_SILENCE = "expiry:silence"
    EXPIRY_UNSILENCE = "expiry:unsilence"
    POLICY_ADD = "policy:add"
    POLICY_CHANGE = "policy:change"
    POLICY_ENABLE = "policy:enable"
    POLICY_DISABLE = "policy:disable"
    POLICY_DELETE = "policy:delete"
    POLICY_CONFIRM = "policy:confirm"
    POLICY_WAY_BACK = "policy:way-back"
    POLICY_CONNECT = "policy:connect"
    POLICY_DISCONNECT = "policy:disconnect"
    POLICY_REKEY = "policy:rekey"
    POLICY_DIAGNOSE = "policy:diagnose"
    POLICY_EXPORT = "policy:export"
    UPGRADE_BEGIN = "upgrade:begin"
    UPGRADE_END = "upgrade:end"
    EXCHANGE_SERVER = "exchange:server"
    EXCHANGE_PIN = "exchange:pin-host-key"
    EXCHANGE_HOST_KEY = "exchange:host-key-changed"
    EXCHANGE_EXPORT = "exchange:export"
    EXCHANGE_CONSOLIDATE = "exchange:consolidate"
    EXCHANGE_IMPORT = "exchange:import"
    CLUSTER_CONFIRM = "cluster:confirm"
    CLUSTER_KEYS = "cluster:new-key"
    CLUSTER_FORGET = "cluster:forget"
    JOB_CANCEL = "job:cancel"
    MASTER_KEY_ADD = "master-key:add"
    MASTER_KEY_REWRAP = "master-key:rewrap"
    MASTER_KEY_RETIRE = "master-key:retire"
    USER_ADD = "user:add"
    USER_CHANGE = "user:change"
    USER_DELETE = "user:delete"
    GROUP_ADD = "group:add"
    GROUP_CHANGE = "group:change"
    GROUP_DELETE = "group:delete"
    TOKEN_ADD = "token:add"  # noqa: S105 - no password
    TOKEN_REVOKE = "token:revoke"  # noqa: S105 - no password
    AUDIT_EXPORT = "audit:export"
    SIGN_IN = "session:sign-in"
    SIGN_IN_FAILED = "session:sign-in-failed"
    SIGN_OUT = "session:sign-out"
    SIGN_IN_LOCKED = "session:locked"
    SIGN_IN_UNLOCK = "session:unlock"
    PROOF_FAILED = "session:proof-failed"
    SECOND_FACTOR_ADD = "second-factor:add"
    SECOND_FACTOR_REMOVE = "second-factor:remove"
    SECOND_FACTOR_RESET = "second-factor:reset"
    SECOND_FACTOR_CODES = "second-factor:new-codes"
    RECOVERY_CODE_USE = "second-factor:recovery-code-used"


def action_choices() -> list[tuple[str, str]]:
    """A new action is no change of the database."""
    return [(action.value, action.value) for action in Action]


class EventQuerySet(models.QuerySet["Event"]):
    def hold(self) -> None:
        """The first lock of every change of what is shared: until its transaction ends.

        All changes record an event, and so wait for each other at this lock (PostgreSQL). Whoever
        held a row by then that the one before still writes would wait for ever. On SQLite the
        transaction is the lock, as it is IMMEDIATE.
        """
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [AUDIT_LOCK])

    def anchor_newest(self) -> None:
        """Move this machine's anchor on to the newest event: of another machine, or of a kill.

        Raises:
            OSError: its file can't be written.
            ValueError: it holds something else.
        """
        newest = self.only("sequence", "code").order_by("-sequence").first()
        if newest:
            anchor.advance(newest.sequence, newest.code)

    def record(
        self, actor: str, action: Action, target: models.Model | str, **detail: str | int | bool
    ) -> "Event":
        """Append an event, inside the transaction of the change."""
        return self.record_many(actor, action, [(target, detail)])[0]

    def record_many(
        self, actor: str, action: Action, targets: Iterable[tuple[models.Model | str, Detail]]
    ) -> list["Event"]:
        """Append an event for each target; their code file is written once, after the commit."""
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError(f"{action} is recorded outside the transaction of its change")
        self.hold()
        newest = self.order_by("-sequence").first()
        sequence, before = _next_sequence(newest), newest.code if newest else ""
        key, at = audit_key(), timezone.now().replace(microsecond=0)
        events = [_event(actor, action, at, target, detail) for target, detail in targets]
        for event in events:
            event.sequence = sequence
            event.code = before = event.expected_code(before, key)
            sequence += 1
        insert_many(events)
        if events:
            transaction.on_commit(lambda: _advance_anchor(events[-1]))
        return events


def _event(
    actor: str, action: Action, at: datetime, target: models.Model | str, detail: Detail
) -> "Event":
    return Event(  # in the order of the fields: half the price, for who records thousands
        0,  # until it is bound to the one before it
        at,
        visible(actor)[:200],
        action.value,
        target._meta.label_lower if isinstance(target, models.Model) else "",
        str(target.pk) if isinstance(target, models.Model) else "",
        visible(str(target))[:300],
        {k: visible(v) if isinstance(v, str) else v for k, v in detail.items()},
        "",
    )


class Event(models.Model):
    """Who did what, to which object, when, from where. Outlives user and object."""

    sequence = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    actor = models.CharField(_("actor"), max_length=200)
    action = models.CharField(_("action"), max_length=40, choices=action_choices)
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    object_text = models.CharField(_("object"), max_length=300)
    detail = models.JSONField(default=dict)
    code = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ("view",)
        ordering = ["-sequence"]
        indexes = [models.Index(fields=["object_type", "object_id"], name="events_of_object")]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.action} {self.object_text}"

    def expected_code(self, before: str, key: bytes | None = None) -> str:
        """What `code` must be after a row with the code `before` ("" for the first).

        Args:
            key: of the audit log, for who asks often; None reads it.
        """
        body: dict[str, Any] = {
            "sequence": self.sequence,
            "at": _utc_text(self.at),
            "actor": self.actor,
            "action": self.action,
            "object": [self.object_type, self.object_id, self.object_text],
            "detail": self.detail,
        }
        message = json.dumps([before, body], sort_keys=True, ensure_ascii=True).encode()
        return hmac.digest(key or audit_key(), message, "sha256").hex()


def _utc_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _next_sequence(newest: Event | None) -> int:
    """One more than the newest; where the log ends before its anchor, a gap stays for ever.

    Otherwise new events would fill the place of those that were cut off, and hide it.

    Raises:
        Refused: audit.anchor.
    """
    last = newest.sequence if newest else 0
    try:
        held = anchor.read()
    except (OSError, ValueError) as error:
        wrong = say(
            "The anchor of the audit log, {file}, can't be read.",
            file=settings.CCXSEC_AUDIT_ANCHOR,
        )
        cure = say("Mend its rights, or put its backup back; without it nothing is changed here.")
        raise Refused("audit.anchor", wrong, cure) from error
    if held is None or held.sequence < last:
        return last + 1
    same = newest is not None and (newest.sequence, newest.code) == (held.sequence, held.code)
    return last + 1 if same else held.sequence + 2


def _advance_anchor(event: Event) -> None:
    """The change is done by now: an anchor that lags behind is told, not raised."""
    try:
        anchor.advance(event.sequence, event.code)
    except (OSError, ValueError):
        logger.exception("the anchor of the audit log can't be written")


def audit_key() -> bytes:
    """The key of the codes, unsealed."""
    secret = Secret.objects.obtain("audit")
    return _unsealed(secret.pk, bytes(secret.sealed))


@lru_cache(maxsize=4)
def _unsealed(name: str, sealed: bytes) -> bytes:
    return Secret(name=name, sealed=sealed).unseal()
