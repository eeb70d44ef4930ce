"""Other clusters: compared and confirmed, with other keys confirmed anew, or forgotten."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from bulk.models import Cluster
from certificates.models import Node
from tests.bulk import scenes

pytestmark = [pytest.mark.django_db, pytest.mark.spec("BK-4")]
PAGE = "/admin/bulk/"
CONFIRM = f"{PAGE}cluster/confirm/"


@pytest.fixture(autouse=True)
def _exported(node: Node) -> None:
    """Two clusters export to the server."""
    scenes.everything()


def post(client: Client, address: str, **values: Any) -> str:
    return str(client.post(address, values, follow=True).content.decode())


def west(**changes: str) -> dict[str, str]:
    """What the form of the cluster that is not confirmed sends."""
    values = {"cluster": scenes.WEST, "fingerprint": scenes.WEST_KEYS["ipsec"], "compared": "yes"}
    return values | changes


def test_shows_what_is_to_be_compared_and_where(administrator: Client) -> None:
    shown = administrator.get(PAGE).content.decode()

    part = shown.partition(f'id="cluster-{scenes.WEST}"')[2].partition("</section>")[0]
    for words in (*scenes.WEST_KEYS.values(), "Contact Centre West", "under <strong>This cluster"):
        assert words in part, words
    assert f'name="fingerprint" value="{scenes.WEST_KEYS["ipsec"]}"' in part
    assert shown.index("Contact Centre West</span>") < shown.index("Confirmed clusters")


def test_a_cluster_is_confirmed_once_it_was_compared(administrator: Client) -> None:
    assert "then tick the box. Nothing was changed." in post(
        administrator, CONFIRM, cluster=scenes.WEST, fingerprint=scenes.WEST_KEYS["ipsec"]
    )
    assert Cluster.objects.count() == 1

    shown = post(administrator, CONFIRM, **west())

    assert "The cluster Contact Centre West is confirmed: its exports are believed." in shown
    assert Cluster.objects.get(cluster_id=UUID(scenes.WEST)).keys == scenes.WEST_KEYS
    assert f'id="cluster-{scenes.WEST}"' not in shown


@pytest.mark.parametrize(
    "changes",
    [
        {"fingerprint": scenes.EAST_KEYS["ipsec"]},
        {"fingerprint": ""},
        {"cluster": "<script>"},
        {"cluster": ""},
    ],
    ids=["other-key", "no-key", "nonsense", "nothing"],
)
def test_what_was_not_shown_is_not_confirmed(
    administrator: Client, changes: dict[str, str]
) -> None:
    shown = post(administrator, CONFIRM, **west(**changes))

    assert "Nothing was changed." in shown
    assert "<script>" not in shown.replace("<script src", "")
    assert Cluster.objects.count() == 1


def test_other_keys_stand_beside_those_that_were_confirmed(administrator: Client) -> None:
    former = "SHA256:" + "f" * 43
    scenes.confirmed(scenes.WEST, "Contact Centre West", keys={"tomcat": former})

    shown = administrator.get(PAGE).content.decode()

    part = shown.partition(f'id="cluster-{scenes.WEST}"')[2].partition("</section>")[0]
    assert "This cluster was confirmed with other keys." in part
    assert f'Confirmed before <span class="code">{former}</span>' in part
    assert scenes.WEST_KEYS["tomcat"] in part
    post(administrator, CONFIRM, **west())
    assert Cluster.objects.get(cluster_id=UUID(scenes.WEST)).keys == scenes.WEST_KEYS


def test_a_cluster_is_forgotten_after_it_was_said_what_that_means(administrator: Client) -> None:
    row = Cluster.objects.get()
    address = f"{PAGE}cluster/{row.pk}/forget/"

    shown = administrator.get(address).content.decode()

    assert "Its exports are believed no longer" in shown
    assert "No certificate in the trust stores came from it." in shown
    assert Cluster.objects.exists()
    shown = post(administrator, address)
    assert "The cluster Contact Centre East is forgotten." in shown
    assert not Cluster.objects.exists()
    assert administrator.post(address).status_code == 404


@pytest.mark.spec("MN-2")
@pytest.mark.parametrize("role", ["Auditor", "Operator"])
def test_who_may_not_configure_confirms_and_forgets_none(
    as_role: Callable[..., Client], role: str
) -> None:
    client, row = as_role(role), Cluster.objects.get()

    assert client.post(CONFIRM, west()).status_code == 403
    assert client.get(f"{PAGE}cluster/{row.pk}/forget/").status_code == 403
    assert client.post(f"{PAGE}cluster/{row.pk}/forget/").status_code == 403
    assert Cluster.objects.count() == 1
