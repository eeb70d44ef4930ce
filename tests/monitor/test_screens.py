"""The page Certificate Monitor, the delivery log, acknowledging an expiry (MO-1)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from certificates.models import (
    Acknowledgement,
    Certificate,
    Event,
    MonitorSettings,
    MonitorState,
    Secret,
    SilenceRule,
)
from certificates.operations.monitoring import run_monitor
from certificates.operations.monitoring.configure import smtp_password
from tests.conftest import NOW
from tests.monitor.conftest import TO, Configure
from tests.monitor.mail_server import PASSWORD, USER, Script, mail_server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-1")]
PAGE = "/admin/monitor/"
DAY = timedelta(days=1)
ADMIN = "Security administrator"
FIELDS = {
    "start_days": "45",
    "frequency": "12",
    "frequency_unit": "hours",
    "email_enabled": "on",
    "addresses": "a@x.example; b@bücher.example\na@x.example",
    "smtp_host": "SMTP.example.com",
    "smtp_port": "",
    "smtp_security": "tls",
    "smtp_user": "user",
    "smtp_password": PASSWORD,
    "smtp_sender": "",
    "webhook_url": "",
}


def form(**changes: str) -> dict[str, str]:
    return {name: value for name, value in (FIELDS | changes).items() if value is not None}


def text(response: Any) -> str:
    return str(response.content.decode())


def test_the_manuals_four_fields_stand_first_with_its_words(administrator: Client) -> None:
    page = text(administrator.get(PAGE))

    labels = [
        "Notification Start Time",
        "Notification Frequency",
        "Enable Email Notification",
        "Email IDs",
        "SMTP host",
    ]
    places = [page.index(label) for label in labels]
    assert places == sorted(places)
    assert ">Save</button>" in page
    assert "There is no SMTP host: nothing will be sent" in page


def test_save_keeps_everything_and_seals_the_password(administrator: Client) -> None:
    response = administrator.post(PAGE, form(), follow=True)

    row = MonitorSettings.objects.get()
    assert (row.start_days, row.frequency, row.frequency_unit) == (45, 12, "hours")
    assert row.addresses == ["a@x.example", "b@xn--bcher-kva.example"]
    assert (row.smtp_host, row.smtp_port, row.smtp_security) == ("smtp.example.com", 465, "tls")
    assert Secret.objects.get(name="monitor-smtp").unseal() == PASSWORD.encode()
    page = text(response)
    assert "b@bücher.example is written b@xn--bcher-kva.example." in page
    assert "In force: smtp.example.com, port 465, from ccxsec@ccx1.example.com" in page
    assert PASSWORD not in page
    assert PASSWORD not in repr(list(Event.objects.values()))
    event = Event.objects.get(action="monitor:change")
    assert event.detail["smtp_password"] == "changed"

    administrator.post(PAGE, form(smtp_password=""))
    assert Secret.objects.filter(name="monitor-smtp").exists()
    administrator.post(PAGE, form(smtp_password="", smtp_forget="on"))
    assert not Secret.objects.filter(name="monitor-smtp").exists()


@pytest.mark.parametrize("button", ["save", "test"])
def test_the_kept_password_goes_to_no_other_server(
    administrator: Client, script: Script, button: str, tmp_path: Path
) -> None:
    administrator.post(PAGE, form())
    with mail_server(tmp_path, script, security="none") as port:
        other = form(smtp_host="127.0.0.1", smtp_port=str(port), smtp_security="none")
        response = administrator.post(PAGE, other | {"smtp_password": "", button: "yes"})

    assert response.status_code == 422
    assert "Enter the one of this server." in text(response)
    assert MonitorSettings.objects.get().smtp_host == "smtp.example.com"
    assert script.taken == []


def test_nor_by_a_server_without_a_user_that_is_given_one_later(administrator: Client) -> None:
    administrator.post(PAGE, form())
    other = form(smtp_host="mail.example.net", smtp_password="")
    without = administrator.post(PAGE, other | {"smtp_user": ""})
    administrator.post(PAGE, other)

    assert without.status_code == 302
    assert MonitorSettings.objects.get().smtp_host == "mail.example.net"
    assert smtp_password() == ""


@pytest.mark.parametrize(
    ("role", "is_shown"), [("Auditor", False), ("Operator", False), (ADMIN, True)]
)
def test_what_a_webhook_is_called_with_is_for_who_may_change_it(
    as_role: Callable[..., Client], configure: Configure, role: str, is_shown: bool
) -> None:
    configure(webhook_url="https://hooks.example.com/ccxsec?key=planted-secret")

    page = text(as_role(role).get(PAGE))

    assert "https://hooks.example.com/ccxsec" in page
    assert ("planted-secret" in page) is is_shown


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("start_days", "0", "greater than or equal to 1"),
        ("start_days", "100000", "less than or equal to 3650"),
        ("start_days", "1.5", "whole number"),
        ("frequency", "0", "greater than or equal to 1"),
        ("frequency", "8761", "less than or equal to 8760"),
        ("frequency_unit", "weeks", "not one of the available choices"),
        ("addresses", "a@x.example\x0bBcc: b@x.example", "not one e-mail address"),
        ("addresses", "a b@x.example", "not one e-mail address"),
        ("addresses", "", "without an address"),
        ("smtp_host", "a b", "neither a host name nor an IP address"),
        ("smtp_host", "x\r\ny", "neither a host name nor an IP address"),
        ("smtp_port", "0", "greater than or equal to 1"),
        ("smtp_port", "65536", "less than or equal to 65535"),
        ("smtp_security", "none", "in the clear"),
        ("smtp_sender", "nobody", "not one e-mail address"),
        ("webhook_url", "http://hooks.example.com/", "must begin with https"),
        ("webhook_url", "https://user:x@hooks.example.com/", "no user or fragment"),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(
    administrator: Client, field: str, value: str, words: str
) -> None:
    response = administrator.post(PAGE, form(**{field: value}))

    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert not MonitorSettings.objects.exists()


def test_365_days_is_the_most_of_days(administrator: Client) -> None:
    response = administrator.post(PAGE, form(frequency="366", frequency_unit="days"))

    assert "Choose 1 to 365 days." in " ".join(response.context["form"].errors["frequency"])


@pytest.mark.parametrize("role", ["Auditor", "Operator"])
@pytest.mark.spec("MN-2")
def test_who_may_look_may_not_change(as_role: Callable[..., Client], role: str) -> None:
    client = as_role(role)

    page = text(client.get(PAGE))
    assert ">Save</button>" not in page
    assert "Run now" not in page
    assert client.post(PAGE, form()).status_code == 403
    assert client.post(PAGE, form() | {"test": "yes"}).status_code == 403
    assert not MonitorSettings.objects.exists()


@pytest.mark.spec("MO-3")
def test_the_test_button_sends_what_is_typed_and_saves_nothing(
    administrator: Client, configure: Configure, server: int, script: Script
) -> None:
    typed = form(
        addresses=TO,
        smtp_host="localhost",
        smtp_port=str(server),
        smtp_security="starttls",
        smtp_user=USER,
        test="yes",
    )

    page = text(administrator.post(PAGE, typed))

    assert "The server took the test message: 250 2.0.0 queued as 000001." in page
    assert f"{TO}: 250 2.1.5 recipient fine" in page
    assert script.messages[0]["To"] == TO
    assert not MonitorSettings.objects.exists()

    script.faults["RCPT"] = "550 5.1.1 <b>unknown</b>"
    page = text(administrator.post(PAGE, typed))
    assert "550 5.1.1 &lt;b&gt;unknown&lt;/b&gt;" in page


def test_run_now_is_a_job(administrator: Client) -> None:
    response = administrator.post(f"{PAGE}run/", follow=True)

    assert "Job: monitor all certificates" in text(response)


def test_a_rule_is_added_refused_and_removed(administrator: Client) -> None:
    rule = {
        "name": "old",
        "field": "purpose",
        "operator": "is",
        "value": "tomcat-trust",
        "reason": "known",
    }
    assert "Silenced: Certificate is exactly tomcat-trust." in text(
        administrator.post(f"{PAGE}rule/", rule, follow=True)
    )
    for change in ({"name": "old"}, {"name": "b", "value": "x"}, {"name": "b", "reason": " "}):
        page = text(administrator.post(f"{PAGE}rule/", rule | change, follow=True))
        assert "Nothing was changed." in page
    [row] = SilenceRule.objects.all()
    administrator.post(f"{PAGE}rule/{row.pk}/remove/")
    assert not SilenceRule.objects.exists()
    assert Event.objects.filter(action__startswith="expiry:").count() == 2


def test_silenced_ones_are_counted_and_shown(
    administrator: Client, expiring: Callable[..., Certificate]
) -> None:
    expiring(timezone.now() + DAY)
    rule = {"name": "r", "field": "issuer", "operator": "contains", "value": "root", "reason": "x"}
    administrator.post(f"{PAGE}rule/", rule)

    assert "silenced by rule: 1" in text(administrator.get(PAGE))


def test_the_log_shows_each_address_with_the_servers_answer(
    administrator: Client, monitored: MonitorSettings, expiring: Callable[..., Certificate]
) -> None:
    expiring(NOW + DAY, common_name="<script>alert(1)</script>")
    run_monitor(now=NOW)

    log = text(administrator.get("/admin/certificates/delivery/?message__channel__exact=email"))
    assert TO in log
    assert "250 2.0.0 queued as 000001" in log
    address = log.split('href="/admin/certificates/delivery/message/')[1].split('"')[0]
    page = text(administrator.get(f"/admin/certificates/delivery/message/{address}"))
    assert "CA_0.pem" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "250 2.0.0 queued as 000001" in page


def test_an_expiry_is_acknowledged_and_withdrawn_on_its_certificates_page(
    administrator: Client, as_role: Callable[..., Client], tomcat: Certificate
) -> None:
    page = f"/admin/certificates/certificate/{tomcat.pk}"
    until = f"{timezone.now() + 5 * DAY:%Y-%m-%d}"
    given = {"until": until, "reason": "ordered <b>"}
    assert as_role("Operator").post(f"{page}/acknowledge/", given).status_code == 403

    shown = text(administrator.post(f"{page}/acknowledge/", given, follow=True))
    assert "ordered &lt;b&gt;" in shown
    assert Acknowledgement.objects.get().until > timezone.now() + 4 * DAY
    assert "ordered" in text(as_role("Auditor").get(f"{page}/change/"))
    administrator.post(f"{page}/withdraw/")
    assert not Acknowledgement.objects.in_force(timezone.now()).exists()

    for wrong in ({"until": "2020-01-01"}, {"until": "2099-01-01"}, {"until": ""}, {"reason": ""}):
        answer = administrator.post(f"{page}/acknowledge/", given | wrong, follow=True)
        assert "Nothing was changed." in text(answer)
    assert Acknowledgement.objects.count() == 1


def test_the_calendar_feed_needs_its_secret_and_nothing_else(
    administrator: Client, client: Client, tomcat: Certificate
) -> None:
    assert client.get("/calendar/guess.ics").status_code == 404
    page = text(administrator.post(f"{PAGE}calendar/", {"on": "yes"}))
    address = page.split('class="code">https://testserver')[1].split("<")[0]

    feed = client.get(address)
    assert feed["Content-Type"] == "text/calendar; charset=utf-8"
    assert feed["Cache-Control"] == "no-store"
    assert b"BEGIN:VCALENDAR" in feed.content
    assert client.get(f"{address[:-6]}x.ics").status_code == 404
    assert address.split("/")[2][:20] not in text(administrator.get(PAGE))
    assert address.split("/")[2][:20] not in repr(list(Event.objects.values()))

    administrator.post(f"{PAGE}calendar/", {"on": "yes"})
    assert client.get(address).status_code == 404
    administrator.post(f"{PAGE}calendar/", {"on": "no"})
    assert MonitorSettings.objects.get().calendar_digest == ""


def test_the_feed_lists_what_expires(
    administrator: Client, client: Client, expiring: Callable[..., Certificate]
) -> None:
    row = expiring(timezone.now().replace(microsecond=0) + 40 * DAY)
    page = text(administrator.post(f"{PAGE}calendar/", {"on": "yes"}))
    address = page.split('class="code">https://testserver')[1].split("<")[0]

    feed = client.get(address).content.decode().replace("\r\n ", "")

    assert f"UID:{row.fingerprint}-tomcat-trust-ccx1.example.com@ccx1.example.com" in feed
    assert f"/admin/certificates/certificate/{row.pk}/change/" in feed


@pytest.mark.spec("MO-3")
def test_the_dashboard_says_what_keeps_notices_from_arriving(
    administrator: Client, configure: Configure
) -> None:
    configure(email_enabled=True, addresses=TO)
    assert "there is no SMTP host: nothing is sent" in text(administrator.get("/admin/"))

    configure(smtp_host="smtp.example.com")
    state = MonitorState.objects.create(name="email")
    state.note_failure("Nobody answers at smtp.example.com port 587", NOW)
    page = text(administrator.get("/admin/"))
    assert "there is no SMTP host" not in page
    assert "Nobody answers at smtp.example.com port 587" in page


@pytest.mark.parametrize("rows", [1, 60])
def test_the_page_asks_a_constant_number_of_queries(
    administrator: Client,
    expiring: Callable[..., Certificate],
    django_assert_max_num_queries: Any,
    rows: int,
) -> None:
    for number in range(rows):
        expiring(timezone.now() + number * DAY)
    run_monitor(now=timezone.now())

    with django_assert_max_num_queries(40):
        administrator.get(PAGE)
