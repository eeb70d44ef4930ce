"""What a real mail server refuses, puts off or leaves open, and what becomes of the notice."""

from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage

import pytest

from certificates.models import (
    Certificate,
    Channel,
    Delivery,
    Message,
    MonitorSettings,
    Notification,
)
from certificates.operations.monitoring import run_monitor
from tests.conftest import NOW
from tests.monitor.conftest import TO, Configure
from tests.monitor.mail_server import RESET, SILENCE, Script

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-2")]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
Expiring = Callable[..., Certificate]


def plain(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body
    return str(body.get_content())


def delivery(address: str = TO) -> Delivery:
    """The newest one by mail to an address."""
    rows = Delivery.objects.filter(message__channel="email", address=address)
    return rows.latest("pk")


def test_a_refused_address_stops_no_other_and_each_has_its_answer(
    monitored: MonitorSettings, configure: Configure, script: Script, expiring: Expiring
) -> None:
    configure(addresses=f"{TO}, gone@example.com\nlater@example.com")
    script.faults["RCPT", "gone@example.com"] = "550 5.1.1 no such user"
    script.faults["RCPT", "later@example.com"] = "450 4.2.0 greylisted"
    expiring(NOW + DAY)

    run_monitor(now=NOW)

    assert script.taken[0].rcpt_tos == [TO]
    assert delivery("gone@example.com").state == "refused"
    assert delivery("gone@example.com").reply == "550 5.1.1 no such user"
    assert delivery("later@example.com").state == "waiting"
    assert delivery().state == "sent"

    script.faults.clear()
    run_monitor(now=NOW + MINUTE)
    assert len(script.taken) == 1  # not before its pause is over
    run_monitor(now=NOW + 6 * MINUTE)
    run_monitor(now=NOW + 7 * MINUTE)

    assert [one.rcpt_tos for one in script.taken] == [[TO], ["later@example.com"]]
    assert script.taken[0].original_content == script.taken[1].original_content
    assert delivery("later@example.com").state == "sent"


def test_an_address_that_is_put_off_for_ever_is_given_up_and_holds_up_nothing(
    monitored: MonitorSettings, configure: Configure, script: Script, expiring: Expiring
) -> None:
    configure(addresses=f"{TO};later@example.com")
    script.faults["RCPT", "later@example.com"] = "450 4.2.0 never"
    expiring(NOW + 20 * DAY)
    for hour in range(72):
        run_monitor(now=NOW + timedelta(hours=hour))

    assert len(script.got(TO)) == 3
    first = Message.objects.filter(channel="email").earliest("pk")
    given_up = first.deliveries.get(address="later@example.com")
    assert (given_up.state, given_up.tries) == ("refused", 10)


@pytest.mark.spec("MO-4")
@pytest.mark.parametrize("fault", ["451 4.3.0 full", "552 5.3.4 too big", "421 4.3.2 bye"])
def test_refused_after_the_text_it_was_not_sent_and_comes_anew(
    monitored: MonitorSettings, script: Script, expiring: Expiring, fault: str
) -> None:
    expiring(NOW + DAY)
    script.faults["DATA"] = fault
    run_monitor(now=NOW)
    failed = Message.objects.get(channel="email")
    assert failed.state == "not sent"
    assert fault in failed.problem

    script.faults.clear()
    run_monitor(now=NOW + MINUTE / 2)
    assert script.taken == []  # a pause after a failure
    run_monitor(now=NOW + 2 * MINUTE)

    assert len(script.taken) == 1
    assert script.messages[0]["Message-ID"] != failed.identifier


@pytest.mark.spec("MO-4")
def test_a_line_that_breaks_after_the_text_repeats_it_once_with_the_same_id(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    expiring(NOW + DAY)
    script.faults["DATA"] = RESET
    for minutes in (0, 20, 40, 60, 80):
        run_monitor(now=NOW + minutes * MINUTE)

    assert len(script.taken) == 2
    assert script.taken[0].original_content == script.taken[1].original_content
    assert Message.objects.get(channel="email").state == "unknown"
    assert delivery().state == "unknown"
    script.faults.clear()
    run_monitor(now=NOW + DAY)
    assert len(script.taken) == 3


@pytest.mark.spec("MO-4")
def test_silence_after_the_text_is_settled_by_the_second_answer(
    monitored: MonitorSettings,
    script: Script,
    expiring: Expiring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("certificates.smtp.LAST", 0.5)
    expiring(NOW + DAY)
    script.faults["DATA"] = SILENCE
    run_monitor(now=NOW)
    assert delivery().state == "handed"
    assert "the server may have it" in delivery().reply

    script.faults.clear()
    run_monitor(now=NOW + 10 * MINUTE)

    assert delivery().state == "sent"
    assert len({m["Message-ID"] for m in script.messages}) == 1


def test_everybody_refused_keeps_the_notice_until_the_address_is_right(
    monitored: MonitorSettings, configure: Configure, script: Script, expiring: Expiring
) -> None:
    expiring(NOW + DAY)
    script.faults["RCPT", TO] = "550 5.1.1 typing error"
    run_monitor(now=NOW)
    assert Notification.objects.unsent(Channel.EMAIL).count() == 1

    configure(addresses="right@example.com")
    run_monitor(now=NOW + MINUTE / 2)

    assert [one.rcpt_tos for one in script.taken] == [["right@example.com"]]
