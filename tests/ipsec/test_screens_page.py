"""The page of one policy, and its fresh state: what was negotiated, and what can be done (IP-7)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from certificates.access import Actor
from certificates.models import Event, Job
from ipsec.models import Kind, Policy
from ipsec.operations import set_enabled
from ipsec.operations.history import Happening, record
from ipsec.operations.state import names_of
from tests.ipsec.conftest import HERE, THERE, Add
from tests.ipsec.recorded import Recorded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("IP-7")]
LIST = "/admin/ipsec/policy/"


def text(response: Any) -> str:
    return str(response.content.decode())


def page(client: Client, row: Policy, more: str = "") -> str:
    return text(client.get(f"{LIST}{row.pk}/{more}"))


def in_force(told: Recorded, row: Policy, **differs: str) -> None:
    connection, child, _ = names_of([row])[str(row)]
    told.establish(connection, child, HERE, THERE, **differs)


def test_shows_what_was_negotiated_against_what_is_configured(
    administrator: Client, add: Add, told: Recorded
) -> None:
    row = add(enabled=True)
    in_force(told, row)

    shown = page(administrator, row)

    assert "In force</span>" in shown
    assert "As configured</span>" in shown
    assert "Differs</span>" not in shown
    for words in ("IKE SA", "CHILD SA", "415 packets, 51,877 bytes", "402 packets, 48,211 bytes"):
        assert words in shown, words
    for words in ("cb0f7e12, c5a1b2c3", "in 41 minutes", "in 47 minutes", "charon-systemd 5.9.8"):
        assert words in shown, words


@pytest.mark.parametrize(
    ("differs", "words"),
    [
        ({"mode": "TUNNEL"}, "TRANSPORT is configured, and TUNNEL was negotiated."),
        ({"encr-keysize": "128"}, "AES_GCM_16 256 is configured, and AES_GCM_16 128"),
        ({"local-ts": [f"{HERE}/32[tcp/443]"]}, "the peer narrowed it"),
    ],
    ids=["tunnel", "cipher", "selector"],
)
def test_a_fallback_is_a_failure_and_marked(
    administrator: Client, add: Add, told: Recorded, differs: dict[str, Any], words: str
) -> None:
    row = add(enabled=True)
    in_force(told, row, **differs)

    shown = page(administrator, row)

    assert words in shown
    assert "Failed</span>" in shown
    assert shown.count("Differs</span>") == 1
    assert f"/admin/ipsec/policy/{row.pk}/change/#div_id_" in shown


def test_without_a_daemon_it_says_so_with_the_cure(administrator: Client, add: Add) -> None:
    shown = page(administrator, add(enabled=True))

    assert "Not in force</span> No IKE daemon answers at" in shown
    assert "systemctl start strongswan" in shown


def test_the_fresh_state_is_that_of_the_page_and_changes_nothing(
    administrator: Client, add: Add, told: Recorded
) -> None:
    row = add(enabled=True)
    in_force(told, row)
    events = Event.objects.count()

    fresh = text(administrator.get(f"{LIST}{row.pk}/state/"))

    assert 'data-says="web/a: in force' in fresh
    assert "<html" not in fresh
    assert Event.objects.count() == events


def test_who_looks_at_a_page_is_told_what_changed_meanwhile(
    administrator: Client, add: Add, told: Recorded, actor: Actor
) -> None:
    """As the end of a trial does; its buttons and its configuration are old then."""
    row = add(enabled=True)
    in_force(told, row)
    shown = page(administrator, row)
    address = f"{LIST}{row.pk}/state/?revision={row.revision}"
    assert address in shown
    assert "was changed meanwhile" not in text(administrator.get(address))

    set_enabled([row], enabled=False, actor=actor)
    happening = Happening(Kind.FAILED, "The peer went home.")
    record({row.pk: happening}, at=timezone.now())

    fresh = text(administrator.get(address))
    assert "web/a was changed meanwhile by " in fresh
    assert "The peer went home." in fresh


def test_the_fresh_state_of_rows_is_that_of_the_list(
    administrator: Client, add: Add, told: Recorded
) -> None:
    row, other = add(enabled=True), add("b", destination_address="192.0.2.3")
    in_force(told, row)

    fresh = text(administrator.get(f"{LIST}state/?policies={row.pk},{other.pk},999999,x"))

    assert f'id="state-{row.pk}" data-live data-says="web/a: in force"' in fresh
    assert f'id="state-{other.pk}" data-live data-says="web/b: disabled"' in fresh
    assert f'id="enabled-{row.pk}" data-live data-says=""><span class="badge valid">Yes' in fresh
    assert 'id="daemon"' in fresh
    assert 'id="as-of"' in fresh


def test_a_page_that_refreshes_itself_does_not_keep_a_session_alive(
    administrator: Client, add: Add
) -> None:
    row = add()
    page(administrator, row)
    session = administrator.session
    session["seen_at"] -= 100
    session.save()

    administrator.get(f"{LIST}{row.pk}/state/", headers={"X-Refresh": "1"})
    assert administrator.session["seen_at"] == session["seen_at"]

    administrator.get(f"{LIST}{row.pk}/state/")
    assert administrator.session["seen_at"] > session["seen_at"]


def test_the_history_is_paged_and_names_the_field(administrator: Client, add: Add) -> None:
    row, now = add(), timezone.now()
    for number in range(12):
        row.negotiations.create(
            at=now - timedelta(minutes=number),
            last_at=now - timedelta(minutes=number),
            times=number + 1,
            kind=Kind.FAILED if number % 2 else Kind.UP,
            sentence=f"happening <{number}>",
            cure="Mend it.",
            field="esp",
        )

    shown, older = page(administrator, row), page(administrator, row, "?p=2")

    assert "happening &lt;0&gt;" in shown
    assert "happening &lt;11&gt;" not in shown
    assert "happening &lt;11&gt;" in older
    assert "Page 1 of 2" in shown
    assert "10 times, the last at" in shown
    assert f"/admin/ipsec/policy/{row.pk}/change/#div_id_esp" in shown


@pytest.mark.parametrize("verb", ["connect", "diagnose"])
def test_a_job_is_followed_on_the_page(administrator: Client, add: Add, verb: str) -> None:
    row = add(enabled=True)

    response = administrator.post(f"{LIST}{row.pk}/operate/", {"do": verb}, follow=True)

    job = Job.objects.get(kind=f"ipsec-{verb}")
    assert response.redirect_chain == [(f"{LIST}{row.pk}/?job={job.pk}", 302)]
    shown = text(response)
    assert 'id="job"' in shown
    assert verb.capitalize() in shown
    Job.objects.filter(pk=job.pk).update(
        state="done", messages=["The peer refuses <b>ESP</b>.", "log: received NO_PROPOSAL"]
    )
    shown = page(administrator, row, f"?job={job.pk}")
    assert "The peer refuses &lt;b&gt;ESP&lt;/b&gt;." in shown
    assert "received NO_PROPOSAL" in shown
    assert 'id="job" data-live' not in shown


def test_a_job_of_another_policy_is_not_shown(administrator: Client, add: Add) -> None:
    row, other = add(enabled=True), add("b", destination_address="192.0.2.3")
    administrator.post(f"{LIST}{row.pk}/operate/", {"do": "connect"})
    job = Job.objects.get(kind="ipsec-connect")

    assert administrator.get(f"{LIST}{other.pk}/?job={job.pk}").status_code == 404
    assert administrator.get(f"{LIST}{other.pk}/?job=x").status_code == 404


@pytest.mark.parametrize("verb", ["connect", "diagnose"])
def test_a_disabled_policy_is_not_negotiated(administrator: Client, add: Add, verb: str) -> None:
    response = administrator.post(f"{LIST}{add().pk}/operate/", {"do": verb}, follow=True)

    assert "is disabled: nothing is negotiated for it." in text(response)
    assert not Job.objects.filter(kind__startswith="ipsec-c").exists()


@pytest.mark.parametrize("verb", ["disconnect", "rekey"])
def test_orders_without_a_daemon_are_refused_in_words(
    administrator: Client, add: Add, verb: str
) -> None:
    response = administrator.post(
        f"{LIST}{add(enabled=True).pk}/operate/", {"do": verb}, follow=True
    )

    assert "No IKE daemon answers at" in text(response)


@pytest.mark.spec("IP-3")
def test_is_enabled_disabled_and_enabled_on_trial(administrator: Client, add: Add) -> None:
    row = add()
    address = f"{LIST}{row.pk}/switch/"

    administrator.post(address, {"to": "enabled"})
    assert Policy.objects.get().is_enabled
    administrator.post(address, {"to": "disabled"})
    assert not Policy.objects.get().is_enabled
    response = administrator.post(address, {"to": "trial", "minutes": "5"}, follow=True)

    until = Policy.objects.get().trial_until
    assert until is not None
    assert timedelta(minutes=4) < until - timezone.now() <= timedelta(minutes=5)
    assert "Confirm it within 5 minutes" in text(response)
    assert "On trial:" in text(administrator.get("/admin/certificates/certificate/"))
    administrator.post(f"{LIST}confirm/", {"policy": str(row.pk), "next": "/admin/"})
    row = Policy.objects.get()
    assert (row.is_enabled, row.trial_until) == (True, None)


@pytest.mark.parametrize("minutes", ["", "0", "x", "1.5", "-1", "1441", "9" * 30])
def test_a_trial_of_no_such_length_is_refused(
    administrator: Client, add: Add, minutes: str
) -> None:
    response = administrator.post(
        f"{LIST}{add().pk}/switch/", {"to": "trial", "minutes": minutes}, follow=True
    )

    assert "Nothing was changed." in text(response)
    assert not Policy.objects.get().is_enabled


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example/", "javascript:a"])
def test_confirm_goes_back_to_our_own_pages_alone(
    administrator: Client, add: Add, there: str
) -> None:
    row = add()
    administrator.post(f"{LIST}{row.pk}/switch/", {"to": "trial", "minutes": "5"})

    response = administrator.post(f"{LIST}confirm/", {"policy": str(row.pk), "next": there})

    assert response.headers["Location"] == LIST


@pytest.mark.parametrize("role", ["Auditor", "Operator"])
def test_buttons_are_those_that_one_may_press(
    as_role: Callable[..., Client], add: Add, role: str
) -> None:
    row = add(enabled=True)

    shown = page(as_role(role), row)

    assert ("Diagnose</button>" in shown) == (role == "Operator")
    for words in ("Disable</button>", ">Delete</a>", "Enable on trial</button>"):
        assert words not in shown
