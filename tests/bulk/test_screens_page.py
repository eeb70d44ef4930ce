"""The page Bulk Certificate Management: what stands on it, for whom, and what it costs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from bulk.models import ExchangeServer
from certificates.models import JobState, Node
from tests.bulk import scenes
from tests.hostile import TEXTS, inert

pytestmark = pytest.mark.django_db
PAGE = "/admin/bulk/"


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.spec("BK-1")
def test_before_the_first_save_the_form_is_open_and_no_step_can_be_taken(
    administrator: Client,
) -> None:
    shown = text(administrator.get(PAGE))

    for words in ("IP address or host", "Port", "User ID", "Password", "Directory", ">Save<"):
        assert words in shown, words
    assert '<details class="inset" open>' in shown
    assert 'disabled title="Set the SFTP server first."' in shown
    assert "Cluster ID" not in shown  # there is none yet
    assert not ExchangeServer.objects.exists()


def test_says_the_same_in_japanese(administrator: Client, node: Node) -> None:
    scenes.everything()

    shown = text(administrator.get(PAGE, headers={"Accept-Language": "ja"}))

    for words in (
        "その後、ipsecの証明書が変わりました。もう一度エクスポートしてください。",
        "3個のクラスタのエクスポート5件。Contact Centre East",
        "<legend>サインイン</legend>",
        "tomcat: 2件の証明書、2026-11-20",
        "exchange@sftp.example.com ポート22",
    ):
        assert words in shown, words


@pytest.mark.spec("BK-2", "BK-3", "BK-4")
def test_shows_the_three_steps_and_what_is_on_the_server(administrator: Client, node: Node) -> None:
    scenes.everything()

    shown = text(administrator.get(PAGE))

    assert '<details class="inset">' in shown  # folded, as it is set
    for words in (
        "exchange@sftp.example.com port 22",
        "The certificates of ipsec have changed since: export again.",
        "5 exports of 3 clusters; Contact Centre East",
        "Exports that were not imported yet: 1. First it is shown what would change.",
        "Older than what this cluster has now: export again.",
        "as seen 20",
        ">Not confirmed<",
        ">Confirmed<",
        ">This cluster<",
        "legacy export.p12",
        "is enough: nothing needs to be exchanged",
    ):
        assert words in shown, words
    assert f'action="{PAGE}look/"' in shown


@pytest.mark.spec("BK-4")
def test_in_the_place_of_import_stands_what_is_missing(administrator: Client, node: Node) -> None:
    scenes.server()
    scenes.seen(scenes.own_export("tomcat"), consolidated=False)

    shown = text(administrator.get(PAGE))

    assert f'action="{PAGE}look/"' not in shown
    assert "At least two clusters must export to the server; only Contact Centre North" in shown
    assert "The exports must be consolidated." in shown


@pytest.mark.spec("BK-5")
def test_while_a_run_is_under_way_the_page_follows_it_and_no_other_step_begins(
    administrator: Client, node: Node
) -> None:
    scenes.everything()
    job = scenes.job(done=42, total=100, messages=["Connecting.", "Exported tomcat."])

    shown = text(administrator.get(PAGE))

    assert f'id="job" data-live data-from="{PAGE}job/{job.pk}/"' in shown
    assert "42 %" in shown
    assert '<li lang="en">Exported tomcat.</li>' in shown
    assert f'action="{PAGE}job/{job.pk}/cancel/"' in shown
    assert shown.count('disabled title="Wait for the end of what runs: Export."') == 5
    assert f'href="{PAGE}export/"' not in shown


@pytest.mark.spec("BK-5")
def test_a_changed_host_key_stands_first_with_both_fingerprints(
    administrator: Client, node: Node
) -> None:
    scenes.server(host_key_alarm=scenes.OTHER_HOST_KEY)

    shown = text(administrator.get(PAGE))

    assert "shows another host key than the pinned one" in shown
    assert scenes.OTHER_HOST_KEY in shown
    assert f'action="{PAGE}host-key/pin/"' in shown
    assert f'action="{PAGE}host-key/keep/"' in shown
    assert "Decide about the server&#x27;s host key first." in shown
    administrator.post(f"{PAGE}host-key/keep/")
    assert ExchangeServer.objects.current().host_key_alarm == ""
    assert "another host key" not in text(administrator.get(PAGE))


@pytest.mark.spec("MN-2")
@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("Auditor", (), ("Save", "Check now", "Export", "Look again", "Import", "Forget")),
        ("Operator", ("Check now", "Look again", "Consolidate", "Import"), ("Save", "Forget")),
        ("Security administrator", ("Save", "Check now", "Consolidate", "Import", "Forget"), ()),
    ],
    ids=lambda part: part.split()[0] if isinstance(part, str) else "",
)
def test_everybody_sees_all_and_only_the_buttons_that_work(
    as_role: Callable[..., Client],
    node: Node,
    role: str,
    may: tuple[str, ...],
    may_not: tuple[str, ...],
) -> None:
    scenes.everything()

    shown = text(as_role(role).get(PAGE))

    for words in may:
        assert f">{words}</button>" in shown or f">{words}</a>" in shown, words
    for words in may_not:
        assert f">{words}</button>" not in shown, words
        assert f">{words}</a>" not in shown, words
    for words in ("Contact Centre West", scenes.WEST_KEYS["tomcat"], "legacy export.p12"):
        assert words in shown, words
    if role != "Security administrator":
        assert 'name="compared"' not in shown


@pytest.mark.spec("BK-5")
@pytest.mark.parametrize("kind", TEXTS)
def test_what_other_clusters_call_themselves_is_text(
    administrator: Client, node: Node, kind: str
) -> None:
    said = "".join(c if c.isprintable() else "\\" for c in TEXTS[kind])
    scenes.server(trouble=said[:600])
    cluster = scenes.confirmed(name=said[:100], nodes=[said], keys={"tomcat": said})
    scenes.seen(
        scenes.exported(scenes.EAST, said, "tomcat", 3, nodes=[said] * 9),
        scenes.exported(scenes.WEST, said, "ipsec", 1, problem=said),
        scenes.exported(scenes.WEST, said, "tomcat", 1, keys={"tomcat": said}),
        others=[scenes.SeenFile(said, 1)],
    )
    scenes.job(state=JobState.FAILED, messages=[said])

    inert(administrator.get(PAGE))
    inert(administrator.get("/admin/"))
    inert(administrator.get(f"{PAGE}cluster/{cluster.pk}/forget/"))
    inert(administrator.get(f"{PAGE}job/"))
    inert(administrator.get(f"{PAGE}file/", {"name": said}))


@pytest.mark.spec("BK-1")
def test_costs_few_queries_however_many_clusters_export(
    administrator: Client, node: Node, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    scenes.server()
    others = [f"{n:08x}-9b44-4a55-8a0e-5f4e3d2c1b0a" for n in range(100)]
    for number, cluster_id in enumerate(others[:50]):
        scenes.confirmed(cluster_id, f"Cluster {number}", keys=scenes.WEST_KEYS)
    exports = [scenes.exported(one, f"Cluster {one[:8]}", "tomcat", 1) for one in others]
    scenes.seen(scenes.own_export("tomcat"), scenes.own_export("ipsec"), *exports)
    for _ in range(25):
        scenes.job(state=JobState.DONE, messages=["Done."])
    administrator.get(PAGE)

    with django_assert_max_num_queries(16):
        shown = text(administrator.get(PAGE))

    assert shown.count("I compared every fingerprint") == 50


@pytest.mark.spec("BK-5")
def test_a_changed_host_key_stands_on_every_page_without_a_further_query(
    administrator: Client, node: Node
) -> None:
    address, said = "/admin/certificates/node/", "host key of the SFTP server of the exchange"
    scenes.server()
    administrator.get(address)

    with CaptureQueriesContext(connection) as calm:
        assert said not in text(administrator.get(address))
    ExchangeServer.objects.update(host_key_alarm=scenes.OTHER_HOST_KEY)
    with CaptureQueriesContext(connection) as alarmed:
        assert said in text(administrator.get(address))

    assert len(alarmed) == len(calm)


@pytest.mark.spec("BK-5")
def test_the_dashboard_tells_what_is_to_be_done(administrator: Client, node: Node) -> None:
    scenes.everything()

    shown = text(administrator.get("/admin/"))

    assert "The certificates of ipsec have changed since the last export." in shown
    assert "The cluster Contact Centre West exports to the SFTP server; nobody has" in shown
    ExchangeServer.objects.update(host_key_alarm=scenes.OTHER_HOST_KEY)
    scenes.confirmed(scenes.WEST, "Contact Centre West", keys={"tomcat": "SHA256:x"})
    shown = text(administrator.get("/admin/"))
    assert "shows another host key: nothing is sent to it." in shown
    assert "Contact Centre West are signed by other keys than the confirmed ones." in shown
