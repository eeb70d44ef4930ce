"""Send what is due through a channel: once, or at most once more where nobody can know (MO-4).

One sender a channel at a time (`cluster_lock`), a lease on the message, and its state written down
right before the text goes over the line: whoever takes over from a dead sender knows what is
certain. Certainly not sent: its notices are free again, and go into the next message. May be
sent: the same message goes out once more, with the same identifier; then it counts as sent.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import F

from certificates.expiry.digest import SUBJECT_LENGTH, shortened
from certificates.locks import cluster_lock
from certificates.models import Channel, Delivery, Message, MonitorState
from certificates.models.notification import (
    LEASE,
    LONGEST_WAIT,
    UNSETTLED,
    DeliveryState,
    MessageState,
)
from certificates.operations.monitoring.compose import claim, digest_for
from certificates.operations.monitoring.transports import Outcome, Transport
from certificates.sentence import say
from certificates.x509.visible import visible

HAND_OVERS = 2  # without an answer; then it counts as sent
TRIES = 10  # for an address that a server puts off, while others have the message
FIRST_WAIT = timedelta(minutes=5)
LONGEST_RUN = 40.0  # seconds for what earlier runs have left; a task has 300


@dataclass
class Sent:
    """What a run did for one channel. `problem`: why not everything is where it should be."""

    messages: list[Message] = field(default_factory=list)
    problem: str = ""
    is_blocked: bool = False


def send_due(transport: Transport, *, now: datetime, hurry: bool = False) -> Sent:
    """Settle what an earlier run has left, then send what is due.

    Args:
        hurry: also before the pause after a failure is over; an operator asks for it.
    """
    done = Sent()
    channel = transport.channel
    with cluster_lock(f"monitor-{channel.value}", patience=0) as is_free:
        if not is_free:
            return done
        state, _ = MonitorState.objects.get_or_create(name=channel.value)
        if state.must_wait(now) and not hurry:
            return done
        deadline = time.monotonic() + LONGEST_RUN
        for message in list(Message.objects.unsettled(channel, now)[:100]):
            if not done.is_blocked and time.monotonic() < deadline:
                _settle(message, transport, done, now=now)
        if not done.is_blocked:
            _send_new(transport, done, now=now)
        if done.is_blocked:
            state.note_failure(done.problem, now)
        elif done.messages or state.problem:
            state.note_done(now, done.problem)
    return done


def give_up(channel: Channel, *, now: datetime) -> None:
    """A channel that was switched off: nothing of it is under way any more."""
    with cluster_lock(f"monitor-{channel.value}", patience=0) as is_free:
        for message in list(Message.objects.unsettled(channel, now)[:100]) if is_free else ():
            token = uuid.uuid4().hex
            if Message.objects.lease(message.pk, token, now):
                _take_off(message.deliveries.all(), now=now)
                _conclude(message, token, "The channel was switched off.", now=now)


def _send_new(transport: Transport, done: Sent, *, now: datetime) -> None:
    token = uuid.uuid4().hex
    recipients = list(transport.recipients)
    message = claim(
        transport.channel, sender=transport.sender, recipients=recipients, token=token, now=now
    )
    if message is None:
        return
    digest = digest_for(message)
    subject = shortened(visible(digest.subject), SUBJECT_LENGTH)  # the record is English
    message.subject, message.certificates = subject, digest.total
    message.save(update_fields=["subject", "certificates"])
    outcome = _try(message, token, recipients, transport, done, now=now)
    if message.state == MessageState.NOT_SENT:
        done.is_blocked = True  # a pause, whatever the reason: it is composed anew
        done.problem = outcome.problem or say("No address took it.")


def _settle(message: Message, transport: Transport, done: Sent, *, now: datetime) -> None:
    """Take up a message that another run has left."""
    token = uuid.uuid4().hex
    if not Message.objects.lease(message.pk, token, now):
        return
    lost = "Twice the text was handed over, and no answer was seen."
    message.deliveries.filter(state=DeliveryState.HANDED, handed__gte=HAND_OVERS).update(
        state=DeliveryState.UNKNOWN, reply=lost, changed_at=now
    )
    _take_off(message.deliveries.exclude(address__in=transport.recipients), now=now)
    unsettled = message.deliveries.filter(state__in=UNSETTLED)
    was_handed = message.deliveries.filter(handed__gt=0).exists()
    if (message.state == MessageState.OPEN and not was_handed) or not unsettled.exists():
        _conclude(message, token, "Its sender died before the text was handed over.", now=now)
        return
    addresses = list(unsettled.order_by("pk").values_list("address", flat=True))
    _try(message, token, addresses, transport, done, now=now)


def _take_off(deliveries: models.QuerySet[Delivery], *, now: datetime) -> None:
    """Addresses that nobody wants any more are not asked again."""
    deliveries.filter(state=DeliveryState.HANDED).update(
        state=DeliveryState.UNKNOWN, changed_at=now
    )
    deliveries.filter(state=DeliveryState.WAITING).update(
        state=DeliveryState.NOT_SENT, changed_at=now
    )


def _try(
    message: Message,
    token: str,
    addresses: Sequence[str],
    transport: Transport,
    done: Sent,
    *,
    now: datetime,
) -> Outcome:
    """One conversation about a message that is leased by `token`, and what follows from it."""
    before = dict(message.deliveries.values_list("address", "handed"))

    def hand_over(taken: Sequence[str]) -> bool:
        with transaction.atomic():
            ours = Message.objects.filter(pk=message.pk, token=token)
            if not ours.update(leased_until=now + LEASE):
                return False
            Delivery.objects.filter(message=message, address__in=taken).update(
                state=DeliveryState.HANDED, handed=F("handed") + 1, changed_at=now
            )
        return True

    outcome = transport.send(message, addresses, hand_over)
    with transaction.atomic():
        if not Message.objects.filter(pk=message.pk, token=token).exists():
            return outcome  # another one has taken over meanwhile
        _note(message, outcome, before, now=now)
        _conclude(message, token, outcome.problem, now=now)
    done.messages.append(message)
    done.problem = done.problem or outcome.problem
    done.is_blocked = outcome.is_blocked
    return outcome


def _note(message: Message, outcome: Outcome, before: dict[str, int], *, now: datetime) -> None:
    """Each address with its answer. One that may have had it already can't be surely without."""
    for row in message.deliveries.filter(address__in=list(outcome.states)):
        state, reply = outcome.states[row.address]
        earlier = before.get(row.address, 0)
        row.handed = earlier + (state is DeliveryState.HANDED)
        if (state is DeliveryState.HANDED and row.handed >= HAND_OVERS) or (
            earlier and state is DeliveryState.REFUSED
        ):
            state = DeliveryState.UNKNOWN
        elif earlier and state is DeliveryState.WAITING:
            state = DeliveryState.HANDED
        row.tries += 1
        if state is DeliveryState.WAITING and row.tries >= TRIES:
            state, reply = DeliveryState.REFUSED, f"Given up after {TRIES} tries. {reply}"
        pause = min(FIRST_WAIT * 2 ** (row.tries - 1), LONGEST_WAIT)
        row.state, row.reply, row.changed_at = state, reply[:500], now
        row.not_before = now + pause if state is DeliveryState.WAITING else None
        row.save()


def _conclude(message: Message, token: str, problem: str, *, now: datetime) -> None:
    """What the answers of all addresses make of the message; its lease ends."""
    states = set(message.deliveries.values_list("state", flat=True))
    if DeliveryState.SENT in states:
        state = MessageState.SENT
    elif DeliveryState.HANDED in states:
        state = MessageState.OPEN
    elif DeliveryState.UNKNOWN in states:
        state = MessageState.UNKNOWN
    else:
        state = MessageState.NOT_SENT
    with transaction.atomic():
        ours = Message.objects.filter(pk=message.pk, token=token)
        if not ours.update(state=state, problem=problem[:500], token="", leased_until=None):  # nosec B106 - none
            return
        message.state = state
        if state is MessageState.NOT_SENT:  # nobody has it: into the next message with them
            message.notifications.update(message=None)
            waiting = message.deliveries.filter(state=DeliveryState.WAITING)
            waiting.update(state=DeliveryState.NOT_SENT, not_before=None)
