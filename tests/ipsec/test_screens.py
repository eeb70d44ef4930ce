"""The IPSEC Policy List: its rows and actions, the upgrade switch, what it costs (IP-1 to IP-7)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from certificates.access import Actor
from certificates.conditions import Condition, Operator
from certificates.models import Job
from certificates.refusal import Refused
from ipsec.find import FIELDS, to_query
from ipsec.models import IpsecSettings, Kind, Policy
from ipsec.operations import switch_upgrade
from ipsec.policy.choices import Protocol
from ipsec.policy.definition import FIELD_LABELS
from tests.ipsec.conftest import HERE, KEY, LEGACY, THERE, Add
from tests.ipsec.recorded import speaking

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/ipsec/policy/"
OTHER = "192.0.2.3"


def text(response: Any) -> str:
    return str(response.content.decode()).replace("<wbr>", "")


def act(client: Client, action: str, *rows: Policy) -> str:
    """Press a button of the list for chosen rows; the page that follows."""
    chosen = [str(row.pk) for row in rows]
    data = {"action": action, "index": "0", "select_across": "0", "_selected_action": chosen}
    return text(client.post(LIST, data, follow=True))


@pytest.mark.spec("IP-1", "IP-5", "IP-6")
def test_lists_policies_with_the_manuals_words_and_cautions(
    administrator: Client, add: Add
) -> None:
    add("desktop", protocol=Protocol.TCP, destination_port=8443)
    add("gateway", destination_address=OTHER, **LEGACY)

    shown = text(administrator.get(LIST))

    for words in ("IPSEC Policy List", "Add New", "Select All", "Clear All", "Delete Selected"):
        assert words in shown, words
    for words in ("desktop</a>", "TCP, any to 8443", "IKEv1, 3DES, SHA1, DH 2", ">Legacy</span>"):
        assert words in shown, words
    assert "affects the performance of your system" in shown
    assert "Make no changes during a system upgrade" in shown
    assert "IPsec is not set up between nodes by itself" in shown
    assert "<strong>Not in force.</strong> No IKE daemon answers at" in shown
    assert f"/admin/ipsec/policy/{Policy.objects.get(name='desktop').pk}/change/" in shown


@pytest.mark.spec("IP-1")
def test_the_former_address_leads_to_the_list(administrator: Client) -> None:
    assert administrator.get("/admin/ipsec/").headers["Location"] == LIST


@pytest.mark.spec("IP-1")
@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("name", "begins with", "DESK"), {"desktop"}),
        (("name", "is exactly", "gateway"), {"gateway"}),
        (("name", "contains", "%"), set()),
        (("group", "is exactly", "web"), {"desktop", "gateway"}),
        (("source", "ends with", ".1"), {"desktop", "gateway"}),
        (("destination", "is exactly", OTHER), {"gateway"}),
        (("protocol", "is exactly", "tcp"), {"desktop"}),
        (("protocol", "is exactly", "any"), {"gateway"}),
        (("destination_port", "is exactly", "8443"), {"desktop"}),
        (("destination_port", "begins with", "84"), {"desktop"}),
        (("destination_port", "is exactly", "any"), {"gateway"}),
        (("source_port", "contains", "an"), {"desktop", "gateway"}),
        (("source_port", "is exactly", "0"), {"desktop", "gateway"}),
        (("source_port", "is exactly", "9" * 400), set()),
        (("state", "is exactly", "enabled"), {"desktop"}),
        (("state", "begins with", "dis"), {"gateway"}),
        (("state", "contains", "abled"), {"desktop", "gateway"}),
        (("state", "contains", "x"), set()),
        (("authentication", "contains", "shared"), {"desktop", "gateway"}),
        (("ike_version", "is exactly", "ikev1"), {"gateway"}),
        (("encryption", "contains", "gcm"), {"desktop"}),
        (("hash", "is exactly", "sha1"), {"gateway"}),
        (("esp", "is exactly", "3des"), {"gateway"}),
        (("phase_one_dh", "begins with", "2 ("), {"gateway"}),
        (("phase_two_dh", "contains", "ecp"), {"desktop"}),
        (("legacy", "is exactly", "yes"), {"gateway"}),
        (("legacy", "is exactly", "no"), {"desktop"}),
        (("trouble", "is empty", ""), {"desktop", "gateway"}),
        (("certificate_name", "is not empty", ""), set()),
        (("changed_by", "contains", "test"), {"desktop", "gateway"}),
    ],
    ids=lambda part: "-".join(part)[:40] if isinstance(part, tuple) else "",
)
def test_finds_by_each_field_and_operator(
    administrator: Client, add: Add, row: tuple[str, str, str], expected: set[str]
) -> None:
    add("desktop", protocol=Protocol.TCP, destination_port=8443, enabled=True)
    add("gateway", destination_address=OTHER, **LEGACY)

    query = urlencode({"field": row[0], "op": row[1], "value": row[2]})
    shown = text(administrator.get(f"{LIST}?{query}"))

    assert {name for name in ("desktop", "gateway") if f">{name}</a>" in shown} == expected


@pytest.mark.spec("IP-1")
@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("field", list(FIELDS))
def test_every_field_takes_or_refuses_every_operator(
    add: Add, field: str, operator: Operator
) -> None:
    add()
    condition = Condition(field, operator, "1")
    if operator.is_for_dates:
        with pytest.raises(Refused, match="is not a date"):
            to_query([condition])
    else:
        assert Policy.objects.filter(to_query([condition])).count() in (0, 1)


@pytest.mark.spec("IP-1")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=enabled", {"desktop"}),
        ("state=disabled", {"gateway"}),
        ("state=trial", set()),
        ("state=trouble", set()),
        ("state=x", set()),
        ("protocol=tcp", {"desktop"}),
        ("legacy=yes", {"gateway"}),
        ("legacy=no", {"desktop"}),
        ("authentication=psk", {"desktop", "gateway"}),
        ("authentication=x", set()),
        ("field=nonsense&op=contains&value=a", set()),
    ],
)
def test_filters(administrator: Client, add: Add, query: str, expected: set[str]) -> None:
    add("desktop", protocol=Protocol.TCP, enabled=True)
    add("gateway", destination_address=OTHER, **LEGACY)

    shown = text(administrator.get(f"{LIST}?{query}"))

    assert {name for name in ("desktop", "gateway") if f">{name}</a>" in shown} == expected


@pytest.mark.spec("IP-1")
@pytest.mark.parametrize("query", ["key_mark=a", "group__startswith=a", "policy__pk=1", "o=99"])
def test_nothing_else_can_be_asked(administrator: Client, add: Add, query: str) -> None:
    add("desktop")

    assert administrator.get(f"{LIST}?{query}").status_code in (200, 302, 400)


@pytest.mark.spec("IP-4")
def test_select_all_ticks_every_row_without_a_script(administrator: Client, add: Add) -> None:
    add("a")
    add("b", destination_address=OTHER)

    def ticked(address: str) -> int:
        return text(administrator.get(address)).count("checked")

    assert ticked(f"{LIST}?select=all&state=disabled") == 2
    assert ticked(f"{LIST}?state=disabled") == 0


@pytest.mark.spec("IP-3")
def test_several_are_enabled_and_disabled(administrator: Client, add: Add) -> None:
    rows = add("a"), add("b", destination_address=OTHER)

    assert "Enabled web/a, web/b." in act(administrator, "enable", *rows)
    assert Policy.objects.enabled().count() == 2
    assert Job.objects.filter(kind="ipsec-apply").exists()
    assert "All of them are enabled already." in act(administrator, "enable", *rows)
    assert "Disabled web/a." in act(administrator, "disable", rows[0])
    assert Policy.objects.enabled().count() == 1


@pytest.mark.spec("IP-4")
def test_delete_selected_says_what_it_means_then_deletes(administrator: Client, add: Add) -> None:
    rows = add("a", enabled=True), add("b", destination_address=OTHER)

    shown = act(administrator, "delete_chosen", *rows)

    assert "Delete 2 policies" in shown
    assert "leaves in the clear, unless another policy holds it" in shown
    assert Policy.objects.count() == 2
    chosen = ",".join(str(row.pk) for row in rows)
    response = administrator.post(f"{LIST}delete/", {"policies": chosen}, follow=True)
    assert "Deleted web/a, web/b." in text(response)
    assert Policy.objects.count() == 0


@pytest.mark.spec("IP-4")
@pytest.mark.parametrize("chosen", ["", "x", "999999", "1" * 40, "-1", "1;2"])
def test_what_is_gone_or_nonsense_is_told(administrator: Client, node: object, chosen: str) -> None:
    response = administrator.get(f"{LIST}delete/?policies={chosen}", follow=True)

    assert "These policies are gone already." in text(response)


@pytest.mark.spec("IP-4")
def test_an_action_without_a_choice_does_nothing(administrator: Client, add: Add) -> None:
    add("a")

    assert "Items must be selected" in act(administrator, "enable")
    assert not Policy.objects.enabled().exists()


@pytest.mark.spec("IP-7")
def test_connect_starts_a_job_for_each_that_is_enabled(administrator: Client, add: Add) -> None:
    rows = add("a", enabled=True), add("b", destination_address=OTHER)

    shown = act(administrator, "connect", *rows)

    assert "Connecting web/a: see the state." in shown
    assert "Not connected: web/b is disabled" in shown
    assert Job.objects.filter(kind="ipsec-connect").count() == 1


@pytest.mark.spec("MN-2")
@pytest.mark.parametrize("action", ["delete_chosen", "enable", "disable"])
@pytest.mark.parametrize("role", ["Auditor", "Operator"])
def test_who_may_not_configure_has_no_such_action(
    as_role: Callable[..., Client], add: Add, role: str, action: str
) -> None:
    row, client = add("a"), as_role(role)

    act(client, action, row)

    row.refresh_from_db()
    assert not row.is_enabled
    assert "Delete Selected" not in text(client.get(LIST))
    assert "Add New" not in text(client.get(LIST))


@pytest.mark.spec("IP-5")
def test_during_an_upgrade_every_change_is_refused_with_the_reason(
    administrator: Client, add: Add
) -> None:
    row = add("a")
    administrator.post(f"{LIST}upgrade/", {"on": "yes"})
    assert IpsecSettings.objects.current().upgrade_in_progress

    for address in (LIST, f"{LIST}add/", f"{LIST}{row.pk}/", "/admin/"):
        shown = text(administrator.get(address))
        assert "Any changes that you make to an IPSec policy during a system upgrade" in shown
        assert "said Security-administrator" in shown
    assert "disabled title=" in text(administrator.get(LIST))
    assert "Nothing was changed." in act(administrator, "enable", row)
    response = administrator.post(f"{LIST}delete/", {"policies": str(row.pk)}, follow=True)
    assert "are lost" in text(response)
    assert Policy.objects.filter(pk=row.pk, is_enabled=False).exists()
    administrator.post(f"{LIST}upgrade/", {"on": "no"})
    assert "Enabled web/a." in act(administrator, "enable", row)


@pytest.mark.spec("IP-7")
def test_shows_connections_that_are_not_ours(
    administrator: Client, add: Add, tmp_path: Path, settings: Settings
) -> None:
    add("a")
    settings.CCXSEC_IPSEC_SOCKET = str(tmp_path / "told.vici")
    with speaking(tmp_path / "told.vici") as recorded:
        recorded.hold("<office>", "net", HERE, THERE)
        shown = text(administrator.get(LIST))

    assert "Other connections of the IKE daemon" in shown
    assert "&lt;office&gt;" in shown
    assert "charon-systemd 5.9.8, since" in shown


def many(add: Add, count: int) -> None:
    """Copies of one policy, each for another peer."""
    first = add("p-00000")
    rows = []
    for number in range(1, count):
        row = Policy(changed_by="test", group=f"g-{number % 50:02}", name=f"p-{number:05}")
        for field in FIELD_LABELS:
            if field not in ("group", "name", "destination_address"):
                setattr(row, field, getattr(first, field))
        row.destination_address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        rows.append(row)
    Policy.objects.bulk_create(rows, batch_size=500)


@pytest.mark.spec("IP-1")
def test_lists_and_finds_among_ten_thousand_with_few_queries(
    administrator: Client, add: Add, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    many(add, 10_001)
    add("on-trial", destination_address=OTHER, enabled=True)
    Policy.objects.filter(name="on-trial").update(trial_until=timezone.now() + timedelta(hours=1))

    for query in ("", "?p=300", "?field=name&op=contains&value=99", "?legacy=no&state=disabled"):
        administrator.get(LIST)
        with django_assert_max_num_queries(12):
            shown = text(administrator.get(f"{LIST}{query}"))
        assert shown.count('class="action-select"') == 25
    assert "More than 10,000" in text(administrator.get(LIST))


@pytest.mark.spec("IP-7")
def test_the_dashboard_tells_what_is_wrong_with_enabled_policies(
    administrator: Client, add: Add, actor: Actor
) -> None:
    troubled = add("troubled", enabled=True)
    Policy.objects.filter(pk=troubled.pk).note(trouble="Its traffic is not held: <b>.")
    failed = add("failed", destination_address=OTHER, enabled=True, **LEGACY)
    ended = timezone.now()
    failed.negotiations.create(
        at=ended, last_at=ended, kind=Kind.FAILED, sentence="The peer refused the key."
    )

    shown = text(administrator.get("/admin/"))

    assert "The IPSEC policy web/troubled is enabled, and not in force." in shown
    assert "Its traffic is not held: &lt;b&gt;." in shown
    assert "The IPSEC policy web/failed could not be negotiated. The peer refused the key." in shown
    assert "Enabled IPSEC policies use legacy algorithms: web/failed." in shown
    add("good", destination_address="192.0.2.4")
    failed.negotiations.create(at=ended, last_at=ended, kind=Kind.UP, sentence="Negotiated.")
    switch_upgrade(on=True, actor=actor)
    shown = text(administrator.get("/admin/"))
    assert "could not be negotiated" not in shown
    assert "A system upgrade is in progress, said test" in shown


def test_no_key_stands_on_any_page(administrator: Client, add: Add) -> None:
    row = add("a", enabled=True)

    for address in (LIST, f"{LIST}{row.pk}/", f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/state/"):
        assert KEY not in text(administrator.get(address)), address
