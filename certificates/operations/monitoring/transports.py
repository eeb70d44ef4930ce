"""The ways out: how each channel hands a message over, and what its peer's answer means."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.conf import settings
from django.utils import translation

from certificates import smtp, syslog, webhook
from certificates.expiry.line import line_of
from certificates.expiry.mail import digest_message
from certificates.expiry.payload import digest_payload, signed
from certificates.expiry.severity import Severity
from certificates.models import Channel, Message
from certificates.models.notification import DeliveryState
from certificates.operations.monitoring.compose import digest_for, findings_of
from certificates.sentence import say
from certificates.webhook import without_query

HandOver = Callable[[Sequence[str]], bool]
_RETRIED = (408, 425, 429)  # of a webhook's 4xx: it asks for another try


@dataclass(slots=True)
class Outcome:
    """What became of each address.

    SENT, REFUSED for good, WAITING (certainly not sent), or HANDED (nobody knows).
    `is_blocked`: the peer can't be used now, whatever the message.
    """

    states: dict[str, tuple[DeliveryState, str]] = field(default_factory=dict)
    problem: str = ""
    is_blocked: bool = False


class Transport(Protocol):
    """One channel."""

    @property
    def channel(self) -> Channel: ...
    @property
    def sender(self) -> str: ...
    @property
    def recipients(self) -> Sequence[str]: ...

    def send(self, message: Message, addresses: Sequence[str], hand_over: HandOver) -> Outcome:
        """Try once. `hand_over` is called right before the point of no return."""


@dataclass(frozen=True)
class Email:
    server: smtp.Server
    recipients: Sequence[str]
    channel: Channel = Channel.EMAIL

    @property
    def sender(self) -> str:
        return self.server.sender

    def send(self, message: Message, addresses: Sequence[str], hand_over: HandOver) -> Outcome:
        everybody = message.deliveries.order_by("pk").values_list("address", flat=True)
        with translation.override(settings.LANGUAGE_CODE):
            content = digest_message(
                digest_for(message),
                message_id=message.identifier,
                sender=message.sender,
                recipients=list(everybody),
                language=settings.LANGUAGE_CODE,
            )
        said = smtp.converse(self.server, addresses, content, hand_over=hand_over)
        states = {one: _of_address(said, one) for one in addresses}
        return Outcome(states, said.problem, said.was_turned_away)


def _of_address(said: smtp.Conversation, address: str) -> tuple[DeliveryState, str]:
    answer = said.recipients.get(address)
    if answer and not answer.is_taken:
        state = DeliveryState.REFUSED if answer.is_final else DeliveryState.WAITING
        return state, str(answer)
    if answer and said.was_taken:
        return DeliveryState.SENT, str(said.reply)
    if answer and said.may_be_sent:
        return DeliveryState.HANDED, said.problem
    final = said.reply is not None and said.reply.is_final
    return DeliveryState.REFUSED if final else DeliveryState.WAITING, said.problem


@dataclass(frozen=True)
class Webhook:
    url: str
    key: bytes = field(repr=False)
    ca_file: str = ""
    channel: Channel = Channel.WEBHOOK
    sender: str = ""

    @property
    def recipients(self) -> Sequence[str]:
        """As the delivery log names it, without what may be a secret."""
        return [without_query(self.url)]

    def send(self, message: Message, addresses: Sequence[str], hand_over: HandOver) -> Outcome:
        with translation.override(settings.LANGUAGE_CODE):
            body = digest_payload(digest_for(message), message_id=message.identifier)
        outcome = Outcome()
        for address in addresses:
            headers = signed(body, self.key, message_id=message.identifier, at=message.at)
            answer = webhook.post(
                self.url,
                body,
                headers,
                hand_over=lambda to=address: hand_over([to]),  # type: ignore[misc] # bound early
                ca_file=self.ca_file,
            )
            state = DeliveryState.WAITING
            if answer.is_taken:
                state = DeliveryState.SENT
            elif answer.was_handed and not answer.code:
                state = DeliveryState.HANDED
            elif 400 <= answer.code < 500 and answer.code not in _RETRIED:  # noqa: PLR2004
                state = DeliveryState.REFUSED
            outcome.states[address] = state, answer.text
            if state is not DeliveryState.SENT:
                outcome.problem = say("The webhook did not take it: {text}", text=answer.text)
                outcome.is_blocked = True
        return outcome


@dataclass(frozen=True)
class Syslog:
    """The product's own log always; a log server where one is set. It never fails a run."""

    address: str  # "" for none
    channel: Channel = Channel.SYSLOG
    sender: str = ""

    @property
    def recipients(self) -> Sequence[str]:
        return [self.address or "log"]

    def send(self, message: Message, addresses: Sequence[str], hand_over: HandOver) -> Outcome:
        if not hand_over(addresses):
            return Outcome(dict.fromkeys(addresses, (DeliveryState.WAITING, "")))
        found = (
            (line_of(one, message.at), _level(one.severity(message.at)))
            for one in findings_of(message)
        )
        lines = syslog.lines_of(found)
        problem = syslog.send(lines, self.address)
        reply = problem or "written"
        return Outcome(dict.fromkeys(addresses, (DeliveryState.SENT, reply[:500])), problem)


def _level(kind: Severity) -> int:
    levels = {Severity.EXPIRED: logging.CRITICAL, Severity.CRITICAL: logging.ERROR}
    return levels.get(kind, logging.WARNING if kind is Severity.WARNING else logging.INFO)
