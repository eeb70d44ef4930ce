"""IPSEC Policy Configuration: every field of the manual, what is refused, what is kept (IP-2)."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from certificates.models import Certificate, Event, Job, Node, Purpose
from certificates.x509.facts import read_facts
from ipsec.models import Policy
from ipsec.policy.definition import FIELD_LABELS
from tests.ipsec.configuring import ADD, CCX, LIST, MODERN, errors, form, text
from tests.ipsec.conftest import KEY, LEGACY, Add

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("IP-2")]


@pytest.fixture
def trusted(tomcat: Certificate, node: Node) -> str:
    """The name of a certificate in the ipsec-trust store."""
    facts = [read_facts(bytes(tomcat.der))]
    row = Certificate.objects.create_trust(node, Purpose.IPSEC_TRUST, facts, "Of the peer")[0]
    return row.file_name


def test_has_every_field_under_the_manuals_name_with_help(
    administrator: Client, node: Node
) -> None:
    shown = text(administrator.get(ADD))

    for label in (*FIELD_LABELS.values(), "Preshared Key", "Enable Policy"):
        assert f">{label}</label>" in shown, label
    form = administrator.get(ADD).context["form"]
    asked = [name for name in form.fields if name not in ("revision", "with_pair")]
    lacking = [n for n in asked if not form.fields[n].help_text and not n.startswith("confirm")]
    assert lacking == []
    for choice in ("DES", "3DES", "BLOWFISH", "NULL_ENC", "MD5", "SHA1", "2 (MODP 1024)"):
        assert f">{choice} (legacy)</option>" in shown, choice
    assert "RIJNDAEL (AES-128)</option>" in shown


def test_starts_modern_from_this_servers_address(administrator: Client, node: Node) -> None:
    start = administrator.get(ADD).context["form"]

    assert {name: str(start[name].value()) for name in MODERN} == MODERN
    assert start["source_address"].value() == "192.0.2.10"
    assert 'value="Any"' in str(start["source_port"])


@pytest.mark.parametrize(
    ("profile", "encryption"), [("unified-ccx", "3DES"), ("fips", "AES-256"), ("x", "AES-256-GCM")]
)
def test_a_profile_prefills_without_a_script(
    administrator: Client, node: Node, profile: str, encryption: str
) -> None:
    start = administrator.get(f"{ADD}?profile={profile}").context["form"]

    assert start["encryption"].value() == encryption


def test_saves_disabled_then_enabled_with_save(administrator: Client, node: Node) -> None:
    response = administrator.post(ADD, form(), follow=True)

    row = Policy.objects.get()
    assert str(row) == "web/desktop"
    assert (row.source_port, row.destination_port, row.protocol) == (0, 8443, "tcp")
    assert (row.is_enabled, row.unsealed_key()) == (False, KEY)
    assert "It is disabled: nothing is in force." in text(response)
    assert not Job.objects.filter(kind="ipsec-apply").exists()

    change = f"{LIST}{row.pk}/change/"
    changed = form(preshared_key="", is_enabled="on", revision="1", hash="SHA512")
    administrator.post(change, changed)
    row.refresh_from_db()
    assert (row.is_enabled, row.hash, row.unsealed_key()) == (True, "SHA512", KEY)
    assert Job.objects.filter(kind="ipsec-apply").exists()
    assert KEY not in repr(list(Event.objects.values()))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("group", "", "Policy Group Name is empty."),
        ("group", "a b", "only letters, digits and hyphens"),
        ("name", "", "Policy Name is empty."),
        ("name", "a/b", "only letters, digits and hyphens"),
        ("name", "é", "only letters, digits and hyphens"),
        ("name", "a" * 65, "has 65 characters"),
        ("name", "\u202eevil", "only letters, digits and hyphens"),
        ("preshared_key", "", "The pre-shared key is missing."),
        ("preshared_key", "short", "has 5 characters: one so short is soon guessed"),
        ("preshared_key", "a" * 129, "has 129 characters"),
        ("preshared_key", "has blanks in", "holds blanks or other characters"),
        ("authentication", "x", "is no choice here"),
        ("authentication", "", "Choose one."),
        ("peer_type", "different", "this policy uses a pre-shared key"),
        ("certificate_name", "a.pem", "applies to the Peer Type Different"),
        ("source_address", "", "The address is empty."),
        ("source_address", "localhost", "has no domain"),
        ("source_address", "192.0.2.256", "neither an IP address nor"),
        ("destination_address", "192.0.2.1", "Source and destination are both"),
        ("destination_address", "2001:db8::1", "addresses of two families"),
        ("destination_address", "fe80::1%eth0", "names a network interface"),
        ("destination_address", "224.0.0.1", "is not the address of one host"),
        ("destination_address", "a..example.com", "neither an IP address nor"),
        ("remote_port", "", "The port is missing."),
        ("remote_port", "Any", "is not a port"),
        ("remote_port", "0", "is not a port"),
        ("source_port", "65536", "does not exist"),
        ("source_port", "-1", "is not a port"),
        ("source_port", "80,443", "is not a port"),
        ("destination_port", "0", "is not a port"),
        ("destination_port", "http", "is not a port"),
        ("destination_port", "٣", "is not a port"),
        ("protocol", "icmp", "is no choice here"),
        ("mode", "tunnel", "is no choice here"),
        ("ike_version", "3", "is no choice here"),
        ("encryption", "AES-512", "is no choice here"),
        ("hash", "SHA", "is no choice here"),
        ("phase_one_dh", "0", "is no choice here"),
        ("phase_one_dh", "3", "is no choice here"),
        ("phase_one_life_time", "59", "is 59 seconds"),
        ("phase_one_life_time", "2147484", "is 2147484 seconds"),
        ("phase_one_life_time", "1e3", "is not a number of seconds"),
        ("phase_two_life_time", "", "It is missing."),
        ("phase_two_life_time", "9" * 30, "is not a number of seconds"),
        ("esp", "<b>", "is no choice here"),
        ("trial_minutes", "0", "greater than or equal to 1"),
    ],
    ids=lambda part: part.encode("unicode-escape").decode()[:24],
)
def test_refuses_at_the_field_and_keeps_what_was_entered(
    administrator: Client, node: Node, field: str, value: str, words: str
) -> None:
    response = administrator.post(ADD, form(**{field: value}))

    assert response.status_code == 422
    assert words in errors(response)[field]
    assert Policy.objects.count() == 0
    shown = text(response)
    assert 'value="desktop"' in shown or field == "name"
    assert KEY not in shown


def test_all_faults_are_told_at_once(administrator: Client, node: Node) -> None:
    response = administrator.post(ADD, form(name="a b", preshared_key="x", phase_one_life_time="1"))

    assert set(errors(response)) == {"name", "preshared_key", "phase_one_life_time"}
    assert "3 fields can&#x27;t be so" in text(response) or "3 fields can't be so" in text(response)


@pytest.mark.spec("IP-2")
def test_an_empty_form_names_all_that_is_missing(administrator: Client, node: Node) -> None:
    response = administrator.post(ADD, form(group="", name="", destination_address=""))

    assert set(errors(response)) == {"group", "name", "destination_address"}


@pytest.mark.spec("IP-2")
def test_several_ports_are_several_policies(administrator: Client, node: Node) -> None:
    response = administrator.post(ADD, form(destination_port="443,8443"))

    assert "Several ports need a policy each." in errors(response)["destination_port"]


@pytest.mark.spec("IP-2")
def test_legacy_is_confirmed_once(administrator: Client, node: Node) -> None:
    response = administrator.post(ADD, form(**CCX))

    assert response.status_code == 422
    assert "Legacy: " in errors(response)["confirm_legacy"]
    assert Policy.objects.count() == 0
    administrator.post(ADD, form(**CCX, confirm_legacy="on"))
    row = Policy.objects.get()
    change = form(**CCX, preshared_key="", revision="1", phase_two_life_time="900")
    administrator.post(f"{LIST}{row.pk}/change/", change)
    assert Policy.objects.get().phase_two_life_time == 900


def test_forbidden_legacy_is_not_offered_and_refused(
    administrator: Client, node: Node, add: Add, settings: Settings
) -> None:
    settings.CCXSEC_ALLOW_LEGACY = False

    shown = text(administrator.get(ADD))
    assert "(legacy)" not in shown
    assert ">Unified CCX<" not in shown
    assert ">3DES" not in text(administrator.get(f"{ADD}?profile=unified-ccx"))
    strong = add()
    change = f"{LIST}{strong.pk}/change/?profile=unified-ccx"
    assert administrator.get(change).context["form"]["encryption"].value() == "AES-256-GCM"
    strong.delete()
    response = administrator.post(ADD, form(**CCX, confirm_legacy="on"))
    assert response.status_code == 422
    assert "is forbidden here" in errors(response)["encryption"]
    assert Policy.objects.count() == 0


def test_a_policy_keeps_showing_what_is_forbidden_by_now(
    administrator: Client, add: Add, settings: Settings
) -> None:
    row = add(**LEGACY)
    settings.CCXSEC_ALLOW_LEGACY = False

    shown = text(administrator.get(f"{LIST}{row.pk}/change/"))

    assert '<option value="3DES" selected>3DES (legacy)</option>' in shown
    assert "BLOWFISH" not in shown


def test_what_is_kept_does_not_have_to_be_confirmed(administrator: Client, add: Add) -> None:
    row = add(**LEGACY)

    shown = text(administrator.get(f"{LIST}{row.pk}/change/"))

    assert '<option value="3DES" selected>' in shown
    assert '<option value="DES" data-legacy>' in shown


def test_the_key_is_never_in_the_page(administrator: Client, add: Add) -> None:
    row = add()
    shown = text(administrator.get(f"{LIST}{row.pk}/change/"))

    assert "A key is kept, sealed; it is never shown." in shown
    assert KEY not in shown


def test_a_stale_form_changes_nothing(administrator: Client, add: Add) -> None:
    row = add()
    change = f"{LIST}{row.pk}/change/"
    first = form(preshared_key="", revision="1", group="web", name="a", hash="SHA512")
    assert administrator.post(change, first).status_code == 302

    response = administrator.post(change, first | {"hash": "SHA256"})

    assert response.status_code == 422
    assert "was changed meanwhile by" in text(response)
    assert Policy.objects.get().hash == "SHA512"
    assert administrator.post(change, first | {"revision": ""}).status_code == 422


def test_a_policy_of_the_same_hosts_must_agree_or_be_changed_with(
    administrator: Client, add: Add
) -> None:
    other = add("a", source_address="192.0.2.1")

    response = administrator.post(ADD, form(hash="SHA512"))

    assert "in web/a, which is for the same two hosts" in errors(response)["hash"]
    assert "Set the other policies of these two hosts likewise" in text(response)
    assert "Set the other policies" not in text(administrator.get(ADD))
    administrator.post(ADD, form(hash="SHA512", with_pair="on", confirm_overlap="on"))
    other.refresh_from_db()
    assert (Policy.objects.count(), other.hash) == (2, "SHA512")


def test_an_overlap_is_named_and_confirmed(administrator: Client, add: Add) -> None:
    add("a", source_address="192.0.2.1")

    response = administrator.post(ADD, form())

    assert "Some packets fit this policy and web/a" in errors(response)["confirm_overlap"]
    administrator.post(ADD, form(confirm_overlap="on"))
    assert Policy.objects.count() == 2


def test_the_pinned_certificate_is_one_of_the_trust_store(
    administrator: Client, node: Node, trusted: str
) -> None:
    by_certificate = {"authentication": "certificate", "preshared_key": ""}
    assert f'<option value="{trusted}">{trusted}</option>' in text(administrator.get(ADD))

    response = administrator.post(ADD, form(**by_certificate, peer_type="different"))
    assert "needs the name of the peer" in errors(response)["certificate_name"]
    gone = form(**by_certificate, peer_type="different", certificate_name="gone.pem")
    response = administrator.post(ADD, gone)
    assert "There is no certificate" in errors(response)["certificate_name"]
    assert "gone.pem (not in the store)" in text(response)
    good = form(**by_certificate, peer_type="different", certificate_name=trusted)
    administrator.post(ADD, good)
    assert Policy.objects.get().certificate_name == trusted
    response = administrator.post(ADD, form(authentication="certificate", name="b"))
    assert "does not apply to authentication by certificate" in errors(response)["preshared_key"]


def test_enables_on_trial(administrator: Client, node: Node) -> None:
    response = administrator.post(ADD, form(is_enabled="on", trial_minutes="10"), follow=True)

    row = Policy.objects.get()
    assert row.trial_until is not None
    assert row.trial_until > timezone.now()
    assert "enabled on trial: confirm it in time" in text(response)


def test_a_preflight_tells_each_check_and_saves_nothing(administrator: Client, node: Node) -> None:
    events = Event.objects.count()

    response = administrator.post(ADD, form(preflight="yes"))

    shown = text(response)
    assert response.status_code == 200
    assert 'id="preflight"' in shown
    assert "The fields are whole" in shown
    assert "No IKE daemon answers at" in shown
    assert "Until the peer follows" in shown
    assert "Type the pre-shared key again before you save" in shown
    assert KEY not in shown
    assert (Policy.objects.count(), Event.objects.count()) == (0, events)


@pytest.mark.spec("IP-5")
def test_during_an_upgrade_the_form_says_why_and_saves_nothing(
    administrator: Client, node: Node
) -> None:
    administrator.post(f"{LIST}upgrade/", {"on": "yes"})

    response = administrator.post(ADD, form())

    assert response.status_code == 422
    assert "are lost" in errors(response)["__all__"]
    assert Policy.objects.count() == 0


@pytest.mark.spec("MN-2")
@pytest.mark.parametrize("role", ["Auditor", "Operator"])
def test_who_may_only_see_gets_the_fields_to_read(
    as_role: Callable[..., Client], add: Add, role: str
) -> None:
    row, client = add(), as_role(role)
    shown = text(client.get(f"{LIST}{row.pk}/change/"))

    assert ">Save</button>" not in shown
    assert shown.count(" disabled") > 20
    assert client.post(f"{LIST}{row.pk}/change/", form()).status_code == 403
