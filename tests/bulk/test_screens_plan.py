"""Import: what would change, for how many certificates, and who may have it done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission as Row
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from bulk.models import Cluster, Plan, PlanItem, Verdict
from certificates.access import Permission
from certificates.models import Job, JobState, Node, Purpose
from tests.bulk import scenes
from tests.hostile import TEXTS, inert

pytestmark = [pytest.mark.django_db, pytest.mark.spec("BK-4")]
PAGE = "/admin/bulk/"
ALL = list(Verdict)


@pytest.fixture
def east(node: Node) -> Cluster:
    scenes.everything()
    return Cluster.objects.get()


def text(response: Any) -> str:
    return str(response.content.decode())


def address(plan: Plan) -> str:
    return f"{PAGE}plan/{plan.pk}/"


def test_shows_each_certificate_with_its_verdict_and_what_follows(
    administrator: Client, east: Cluster, node: Node
) -> None:
    Node.objects.create(host_name="ccx2.example.com", role="subscriber")
    plan = scenes.plan(east, *ALL, refused=["a.tar.gz: Nobody has confirmed the cluster <West>."])

    shown = text(administrator.get(address(plan)))

    for verdict in Verdict:
        assert f">{verdict.label} 1</a>" in shown, verdict
        assert f">{verdict.label}</span>" in shown, verdict
    for words in (
        "<strong>2 certificates</strong> would be added",
        "ccx0.east.example.com",
        "It is no CA.",
        "Nobody has confirmed the cluster &lt;West&gt;.",
        "To be restarted afterwards: tomcat on ccx1.example.com, then ccx2.example.com.",
        "Also remove the 1 certificate that its cluster no longer has",
        f'name="shown" value="{"d" * 64}"',
    ):
        assert words in shown, words


def test_is_filtered_by_verdict_and_paged_through(
    administrator: Client, east: Cluster, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    plan = scenes.plan(east, Verdict.EXPIRED)
    items = [
        PlanItem(plan=plan, cluster=east, purpose=Purpose.TOMCAT_TRUST, verdict=verdict, name=name)
        for verdict in (Verdict.NEW, Verdict.PRESENT)
        for name in (f"{verdict}-{number:04}" for number in range(1_000))
    ]
    PlanItem.objects.bulk_create(items)
    administrator.get(address(plan))

    with django_assert_max_num_queries(15):
        shown = text(administrator.get(f"{address(plan)}?verdict=present&p=20"))

    assert shown.count('data-label="Verdict"') == 50
    assert "present-0999" in shown
    assert "new-0" not in shown
    assert "?verdict=present&amp;p=19" in shown
    for nonsense in ("?verdict=x", "?p=x", "?p=-1", "?p=9999"):
        assert administrator.get(f"{address(plan)}{nonsense}").status_code == 200, nonsense


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ((), "There is no certificate of another cluster in it."),
        ((Verdict.PRESENT, Verdict.EXPIRED), "No certificate is missing here that would fit."),
    ],
    ids=["empty", "all-there"],
)
def test_where_nothing_is_to_be_done_there_is_no_button(
    administrator: Client, east: Cluster, verdicts: tuple[Verdict, ...], said: str
) -> None:
    shown = text(administrator.get(address(scenes.plan(east, *verdicts))))

    assert "Nothing to do" in shown
    assert said in shown
    assert ">Import</button>" not in shown


def test_import_is_asked_for_what_was_shown_and_followed(
    administrator: Client, east: Cluster
) -> None:
    plan = scenes.plan(east, Verdict.NEW, Verdict.GONE)

    shown = text(administrator.post(f"{address(plan)}import/", {"shown": "x"}, follow=True))
    assert "This is not what you were shown." in shown
    assert not Job.objects.filter(kind="bulk-import").exists()
    response = administrator.post(f"{address(plan)}import/", {"shown": "d" * 64, "remove": "yes"})

    job = Job.objects.get(kind="bulk-import")
    assert job.arguments == {"plan": plan.pk, "remove": 1}
    assert response.headers["Location"] == f"{PAGE}job/{job.pk}/"
    Plan.objects.update(imported_at=timezone.now())
    shown = text(administrator.get(address(plan)))
    assert '<span class="badge valid">Imported</span>' in shown
    assert ">Import</button>" not in shown


def test_look_goes_to_its_run_which_leads_on_to_the_plan(
    administrator: Client, east: Cluster
) -> None:
    response = administrator.post(f"{PAGE}look/")

    job = Job.objects.get(kind="bulk-look")
    page = f"{PAGE}job/{job.pk}/"
    assert response.headers["Location"] == page
    assert "Waiting for the background worker." in text(administrator.get(page))
    plan = scenes.plan(east, Verdict.NEW, job=job)
    Job.objects.update(state="done")
    shown = text(administrator.get(page))
    assert f'data-then="{address(plan)}"' in shown
    assert "See what would change" in shown


def test_a_run_on_the_page_does_not_lead_to_a_plan_of_before(
    administrator: Client, east: Cluster
) -> None:
    scenes.plan(east, Verdict.NEW)
    scenes.job("bulk-survey", JobState.QUEUED)

    shown = text(administrator.get(PAGE))

    assert ">Last look, " in shown
    assert "See what would change" not in shown


@pytest.mark.spec("MN-2")
@pytest.mark.parametrize(
    ("role", "lacking", "has_import", "has_removal"),
    [
        ("Security administrator", None, True, True),
        ("Operator", None, True, False),
        ("Operator", Permission.UPLOAD, False, False),
        ("Auditor", None, False, False),
    ],
    ids=["administrator", "operator", "operator-without-upload", "auditor"],
)
def test_the_buttons_are_for_who_may(
    as_role: Callable[..., Client],
    east: Cluster,
    role: str,
    lacking: Permission | None,
    has_import: bool,
    has_removal: bool,
) -> None:
    plan, client = scenes.plan(east, Verdict.NEW, Verdict.GONE), as_role(role)
    if lacking:
        take(User.objects.get(username=role), lacking)

    shown = text(client.get(address(plan)))

    assert (">Import</button>" in shown) is has_import
    assert ('name="remove"' in shown) is has_removal
    asked = client.post(f"{address(plan)}import/", {"shown": "d" * 64, "remove": "yes"})
    assert asked.status_code == (302 if has_removal else 403)


def take(user: User, permission: Permission) -> None:
    """Leave a user everything but this."""
    kept = [p for p in user.get_all_permissions() if p != permission.value]
    user.groups.clear()
    names = [name.partition(".")[2] for name in kept]
    user.user_permissions.set(Row.objects.filter(codename__in=names))


@pytest.mark.spec("BK-5")
@pytest.mark.parametrize("kind", TEXTS)
def test_what_stands_in_certificates_of_others_is_text(
    administrator: Client, east: Cluster, kind: str
) -> None:
    said = "".join(c if c.isprintable() else "\\" for c in TEXTS[kind])
    plan = scenes.plan(east, *ALL, refused=[said])
    values = {"name": said, "cluster_name": said, "nodes": said, "reason": said}
    plan.items.update(**{name: value[:100] for name, value in values.items()})
    Plan.objects.update(source=said[:200], made_by=said[:200])

    inert(administrator.get(address(plan)))
