"""Notices through a real mail server: once a period, to everybody, whatever goes wrong (MO-2)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import (
    Certificate,
    Delivery,
    Message,
    MonitorSettings,
    Node,
    Notification,
    Purpose,
)
from certificates.operations import acknowledge_expiry, add_rule, generate, remove_rule, withdraw
from certificates.operations.monitoring import run_monitor
from certificates.operations.monitoring.compose import digest_for
from certificates.x509.policy import KeyChoice
from tests.conftest import NOW
from tests.monitor.certificates import trusted
from tests.monitor.conftest import TO, Configure
from tests.monitor.mail_server import Script, mail_server

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


def test_the_first_notice_comes_at_the_start_time_and_then_at_the_frequency(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    expiring(NOW + 30 * DAY)

    sent = []
    for minutes in (-1, 0, 1, 60, 24 * 60 - 1, 24 * 60, 24 * 60 + 1, 48 * 60):
        run_monitor(now=NOW + minutes * MINUTE)
        sent.append(len(script.taken))

    assert sent == [0, 1, 1, 1, 1, 2, 2, 3]
    message = script.messages[0]
    assert message["To"] == TO
    assert "CA_0.pem on ccx1.example.com expires in 30 days" in message["Subject"]
    assert "CA 0" in plain(message)
    assert delivery().reply == "250 2.0.0 queued as 000003"


@pytest.mark.parametrize(("number", "unit", "hours"), [(6, "hours", 6), (2, "days", 48)])
def test_the_frequency_is_counted_in_hours_or_days(
    monitored: MonitorSettings,
    configure: Configure,
    script: Script,
    expiring: Expiring,
    number: int,
    unit: str,
    hours: int,
) -> None:
    configure(frequency=number, frequency_unit=unit)
    expiring(NOW + 30 * DAY)

    sent = {}
    for hour in range(97):
        run_monitor(now=NOW + timedelta(hours=hour))
        sent[hour] = len(script.taken)

    assert [hour for hour in sent if sent[hour] > sent.get(hour - 1, 0)] == list(
        range(0, 97, hours)
    )


def test_after_the_expiry_it_goes_on(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    expiring(NOW - DAY)

    for day in range(3):
        run_monitor(now=NOW + day * DAY)

    assert len(script.taken) == 3
    assert "1 expired" in script.messages[2]["Subject"]
    assert "expired 3 days ago" in script.messages[2]["Subject"]


def test_a_replaced_certificate_stops_at_once_and_its_successor_starts_fresh(
    monitored: MonitorSettings, script: Script, node: Node, tomcat: Certificate, actor: Actor
) -> None:
    Certificate.objects.filter(pk=tomcat.pk).update(not_after=NOW + DAY)
    run_monitor(now=NOW)
    generate(
        node,
        Purpose.TOMCAT,
        key=KeyChoice.EC_P256,
        days=20,
        replacing=tomcat.fingerprint,
        actor=actor,
        now=NOW,
    )
    run_monitor(now=NOW + MINUTE)
    run_monitor(now=NOW + DAY)

    assert ["expires in 1 day" in m["Subject"] for m in script.messages] == [True, False, False]
    assert "tomcat.pem on ccx1.example.com expires in 19 days" in script.messages[1]["Subject"]
    kinds = Notification.objects.filter(channel="email").values_list("source_key", "severity")
    assert len({key for key, _ in kinds}) == 2


def test_what_was_replaced_during_an_outage_is_not_told(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    gone, stays = expiring(NOW + DAY), expiring(NOW + 2 * DAY, common_name="stays")
    script.faults["MAIL"] = "451 4.3.0 later"
    run_monitor(now=NOW)
    gone.delete()
    script.faults.clear()
    run_monitor(now=NOW + 20 * MINUTE)

    assert [stays.common_name in plain(m) for m in script.messages] == [True]
    assert "1 certificate on" in plain(script.messages[0])
    assert gone.fingerprint[:16] not in plain(script.messages[0])


@pytest.mark.spec("MO-4")
def test_a_server_that_is_down_for_two_periods_gets_one_digest(
    monitored: MonitorSettings, script: Script, expiring: Expiring, settings: Settings
) -> None:
    first = expiring(NOW + 10 * DAY)
    script.faults["MAIL"] = "421 4.3.2 shutting down"
    for hour in range(49):
        run_monitor(now=NOW + timedelta(hours=hour))
    assert script.taken == []
    assert Notification.objects.filter(channel="email").count() == 3

    script.faults.clear()
    late = NOW + timedelta(hours=49)
    run_monitor(now=late)
    run_monitor(now=late + MINUTE)

    assert len(script.taken) == 1
    assert plain(script.messages[0]).count(first.fingerprint[:16]) == 1
    told = Message.objects.get(channel="email", state="sent")
    assert told.notifications.count() == 3
    run_monitor(now=NOW + 3 * DAY)
    assert len(script.taken) == 2


@pytest.mark.spec("MO-4")
def test_a_clock_that_jumps_a_day_neither_doubles_nor_skips(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    expiring(NOW + 30 * DAY)
    hour = timedelta(hours=1)

    run_monitor(now=NOW + hour)  # period 0
    run_monitor(now=NOW + DAY + hour)  # jumped ahead: period 1
    run_monitor(now=NOW + 2 * hour)  # and back: 0 was told
    run_monitor(now=NOW - DAY)  # jumped back: nothing is due
    assert len(script.taken) == 2
    run_monitor(now=NOW + DAY + 2 * hour)  # period 1 was told early
    run_monitor(now=NOW + 2 * DAY)

    assert len(script.taken) == 3


@pytest.mark.spec("MO-4")
def test_a_notice_of_a_clock_that_ran_ahead_waits_for_its_time(
    monitored: MonitorSettings, script: Script, expiring: Expiring
) -> None:
    expiring(NOW + 30 * DAY)
    script.faults["MAIL"] = "451 later"
    run_monitor(now=NOW + DAY)
    script.faults.clear()

    run_monitor(now=NOW)
    run_monitor(now=NOW + DAY)

    assert len(script.taken) == 2
    assert Notification.objects.filter(channel="email").count() == 2


@pytest.mark.spec("MO-4")
def test_daylight_saving_moves_no_period(
    monitored: MonitorSettings, script: Script, expiring: Expiring, settings: Settings
) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    end = datetime(2027, 4, 10, 1, 30, tzinfo=UTC)  # clocks change on 2027-03-28, 01:00 UTC
    expiring(end)
    sent: list[str] = []
    begin = datetime(2027, 3, 27, 0, 0, tzinfo=UTC)
    for half_hours in range(96):
        now = begin + half_hours * timedelta(minutes=30)
        run_monitor(now=now.astimezone(ZoneInfo("Europe/Berlin")))
        if len(script.taken) > len(sent):
            sent.append(f"{now:%m-%d %H:%M}")

    assert sent == ["03-27 00:00", "03-27 01:30", "03-28 01:30"]


def test_an_acknowledged_certificate_is_not_told_until_its_date_or_its_withdrawal(
    monitored: MonitorSettings, script: Script, expiring: Expiring, actor: Actor
) -> None:
    row = expiring(NOW + 20 * DAY)
    acknowledge_expiry(row, until=NOW + 3 * DAY, reason="ordered", actor=actor, now=NOW)
    sent = []
    for day in range(5):
        run_monitor(now=NOW + day * DAY)
        sent.append(len(script.taken))
    assert sent == [0, 0, 0, 1, 2]

    again = NOW + 5 * DAY
    acknowledge_expiry(row, until=NOW + 9 * DAY, reason="still", actor=actor, now=again)
    run_monitor(now=again)
    assert len(script.taken) == 2
    withdraw(row, actor=actor, now=again)
    run_monitor(now=again + MINUTE)
    assert len(script.taken) == 3


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("purpose", "is", "tomcat-trust"),
        ("issuer", "contains", "example root"),
        ("common_name", "is", "CA 0"),
    ],
)
def test_a_rule_silences_trust_certificates_and_no_own_one(
    monitored: MonitorSettings,
    script: Script,
    expiring: Expiring,
    tomcat: Certificate,
    actor: Actor,
    field: str,
    operator: str,
    value: str,
) -> None:
    expiring(NOW + DAY, issuer="CN=Example Root")
    own = Certificate.objects.filter(pk=tomcat.pk)
    own.update(not_after=NOW + DAY, issuer="CN=Example Root", common_name="CA 0")
    rule = add_rule(
        name="old roots",
        field=field,
        operator=operator,
        value=value,
        reason="replaced next year",
        actor=actor,
        now=NOW,
    )
    run_monitor(now=NOW)
    assert "CA_0.pem" not in plain(script.messages[0])
    assert "tomcat.pem" in plain(script.messages[0])

    remove_rule(rule, actor=actor)
    run_monitor(now=NOW + MINUTE)
    assert "CA_0.pem" in plain(script.messages[1])


def test_a_thousand_certificates_make_one_readable_message(
    monitored: MonitorSettings, script: Script, node: Node
) -> None:
    ends = [NOW + timedelta(hours=number / 2 - 48) for number in range(1000)]
    trusted(node, ends)

    run_monitor(now=NOW)

    assert len(script.taken) == 1
    message = script.messages[0]
    assert "96 expired" in message["Subject"]
    text = plain(message)
    assert text.count("SHA-256") == 50
    assert "the 50 most urgent of 1,000; the attached table has all" in text
    assert text.index("CA_0.pem") < text.index("CA_49.pem")
    [table] = message.iter_attachments()
    lines = table.get_content().splitlines()
    assert len(lines) == 1001
    assert len(script.taken[0].original_content or b"") < 600_000


def test_a_mail_is_in_the_language_of_the_product_and_its_record_in_english(
    monitored: MonitorSettings, script: Script, expiring: Expiring, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "ja"
    expiring(NOW + 2 * DAY)

    with translation.override("en"):  # of who runs it on a page
        run_monitor(now=NOW)

    message = script.messages[0]
    assert "ccx1.example.comのCA_0.pemの期限が2日後に切れます" in message["Subject"]
    assert "クリティカル: 3日以内 (1)" in plain(message)
    html = message.get_body(("html",))
    assert html
    assert '<html lang="ja">' in html.get_content()
    assert "証明書監視</a>" in html.get_content()
    kept = Message.objects.get(channel="email")
    assert kept.subject == "[ccxsec] 1 critical: CA_0.pem on ccx1.example.com expires in 2 days"


def test_the_same_message_is_the_same_whenever_it_is_composed(
    monitored: MonitorSettings, script: Script, node: Node
) -> None:
    trusted(node, [NOW + timedelta(hours=number) for number in range(60)])
    run_monitor(now=NOW)
    row = Message.objects.get(channel="email")

    assert digest_for(row) == digest_for(row)


def test_without_a_mail_server_the_notices_wait_for_one(
    configure: Configure, script: Script, server: int, expiring: Expiring
) -> None:
    configure(email_enabled=True, addresses=TO)
    expiring(NOW + DAY)
    run = run_monitor(now=NOW)
    assert "no SMTP host" in run.problems["email"]

    configure(
        smtp_host="localhost", smtp_port=server, smtp_user="monitor", smtp_password="tr0ub4dor"
    )
    run_monitor(now=NOW + MINUTE)

    assert len(script.taken) == 1


def test_what_was_waiting_when_mail_is_switched_off_is_not_sent_later(
    monitored: MonitorSettings, configure: Configure, script: Script, expiring: Expiring
) -> None:
    row = expiring(NOW + DAY)
    script.faults["MAIL"] = "451 later"
    run_monitor(now=NOW)
    script.faults.clear()
    configure(email_enabled=False)
    run_monitor(now=NOW + MINUTE)
    Certificate.objects.filter(pk=row.pk).delete()
    configure(email_enabled=True)
    run_monitor(now=NOW + 2 * MINUTE)

    assert script.taken == []


@pytest.mark.parametrize("security", ["tls", "none"])
def test_other_protections_work_too(
    configure: Configure,
    script: Script,
    expiring: Expiring,
    tmp_path_factory: pytest.TempPathFactory,
    security: str,
) -> None:
    folder = tmp_path_factory.getbasetemp() / "mail"
    with mail_server(folder, script, security=security) as port:
        configure(
            email_enabled=True,
            addresses=TO,
            smtp_host="localhost",
            smtp_port=port,
            smtp_security=security,
            smtp_user="monitor" if security == "tls" else "",
            smtp_password="tr0ub4dor",
        )
        expiring(NOW + DAY)
        run_monitor(now=NOW)

    assert len(script.taken) == 1
