"""The other side on the screens: export, import, compare (IP-2)."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from ipsec.models import Policy
from ipsec.policy.choices import Esp, Protocol
from tests.ipsec.configuring import ADD, LIST, errors, text
from tests.ipsec.conftest import KEY, THERE, Add

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("IP-2")]


@pytest.fixture
def exported(administrator: Client, add: Add) -> bytes:
    """What this server says that its peer must be set to."""
    row = add(esp=Esp.AES_128_GCM)
    response = administrator.post(f"{LIST}{row.pk}/export/", {"format": "json"})
    assert "attachment" in response.headers["Content-Disposition"]
    return bytes(response.content)


@pytest.mark.parametrize("kind", ["json", "swanctl", "libreswan", "ios"])
def test_exports_for_the_peer_without_the_key(administrator: Client, add: Add, kind: str) -> None:
    row = add()

    response = administrator.post(f"{LIST}{row.pk}/export/", {"format": kind})

    assert response.status_code == 200
    assert "filename=" in response.headers["Content-Disposition"]
    assert THERE.encode() in response.content
    assert KEY.encode() not in response.content


def test_several_policies_of_one_peer_are_one_export(administrator: Client, add: Add) -> None:
    rows = add("a", protocol=Protocol.TCP), add("b", protocol=Protocol.UDP)
    other = add("c", destination_address="192.0.2.3")

    def export(*chosen: Policy) -> Any:
        keys = [str(row.pk) for row in chosen]
        data = {"action": "export", "index": "0", "select_across": "0", "_selected_action": keys}
        return administrator.post(LIST, data | {"format": "json"}, follow=True)

    assert [one["name"] for one in export(*rows).json()["policies"]] == ["a", "b"]
    assert "Not exported: " in text(export(*rows, other))


def test_an_unknown_format_is_told(administrator: Client, add: Add) -> None:
    response = administrator.post(f"{LIST}{add().pk}/export/", {"format": "<b>"}, follow=True)

    assert "There is no format" in text(response)


def test_an_import_fills_in_the_form_and_saves_nothing(
    administrator: Client, exported: bytes
) -> None:
    before = Policy.objects.count()

    response = administrator.post(f"{LIST}import/", {"text": exported.decode()})

    assert response.status_code == 200
    start = response.context["form"]
    assert (start["source_address"].value(), start["esp"].value()) == (THERE, "AES-128-GCM")
    assert "Nothing is saved before you press Save." in text(response)
    assert f'action="{ADD}"' in text(response)
    assert Policy.objects.count() == before


def test_of_several_policies_one_is_chosen(administrator: Client, exported: bytes) -> None:
    content = json.loads(exported)
    content["policies"].append(content["policies"][0] | {"name": "other", "protocol": "udp"})
    both = json.dumps(content)

    response = administrator.post(f"{LIST}import/", {"text": both})
    assert "holds 2 policies" in text(response)
    response = administrator.post(f"{LIST}import/", {"text": both, "choose": "web/other"})
    assert response.context["form"]["name"].value() == "other"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Choose a file, or paste its text"),
        ({"text": "{"}, "The file is not JSON"),
        ({"text": "[]"}, "is not an export of IPsec policies"),
        ({"text": "NaN"}, "The file is not JSON: it contains NaN"),
    ],
    ids=["nothing", "broken", "other", "constant"],
)
@pytest.mark.parametrize("page", ["import/", "{pk}/compare/"])
def test_what_is_no_export_is_refused_at_its_field(
    administrator: Client, add: Add, page: str, given: dict[str, str], words: str
) -> None:
    response = administrator.post(LIST + page.format(pk=add().pk), given)

    assert response.status_code == 422
    assert words in " ".join(errors(response).values())


def test_compares_with_the_other_side(
    administrator: Client, add: Add, exported: bytes, tmp_path: Path
) -> None:
    other = json.loads(exported)
    for policy in other["policies"]:  # as if the peer had exported its side
        for one, two in (
            ("source_address", "destination_address"),
            ("source_port", "destination_port"),
        ):
            policy[one], policy[two] = policy[two], policy[one]
    row = Policy.objects.get()
    file = tmp_path / "other.json"
    file.write_text(json.dumps(other))

    with file.open("rb") as sent:
        agreed = administrator.post(f"{LIST}{row.pk}/compare/", {"file": sent})
    other["policies"][0]["encryption"] = "AES-128-GCM"
    differing = administrator.post(f"{LIST}{row.pk}/compare/", {"text": json.dumps(other)})

    assert "Every field fits" in text(agreed)
    assert "Would fail to negotiate" in text(differing)
    assert "Encryption Algorithm</a>" in text(differing)
