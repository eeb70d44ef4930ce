"""Export, consolidate, files of other systems, and the runs that come of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bulk.admin.job import NAMES
from certificates import jobs
from certificates.models import Job, JobState, Node
from tests.bulk import scenes

pytestmark = pytest.mark.django_db
PAGE = "/admin/bulk/"


@pytest.fixture(autouse=True)
def _exported(node: Node) -> None:
    scenes.everything()


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.spec("BK-2")
def test_the_pop_up_asks_for_the_certificate_type(administrator: Client) -> None:
    shown = text(administrator.get(f"{PAGE}export/"))

    assert "<h1>Bulk Certificate Export</h1>" in shown
    assert "data-dialog-form" in shown
    for words in ("Certificate Type", "Tomcat (1)", "IPSec (1)", "All (2)", "Private keys stay"):
        assert words in shown, words
    response = administrator.post(f"{PAGE}export/", {"service": "ipsec"})
    assert response.headers["Location"] == PAGE
    assert Job.objects.get(kind="bulk-export").arguments == {"service": "ipsec"}


@pytest.mark.spec("BK-2")
@pytest.mark.parametrize("service", ["", "directory", "tomcat-trust", "<b>"])
def test_another_type_is_refused_at_its_field(administrator: Client, service: str) -> None:
    response = administrator.post(f"{PAGE}export/", {"service": service})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["service"]
    assert not Job.objects.filter(kind="bulk-export").exists()


@pytest.mark.spec("BK-2", "BK-3")
@pytest.mark.parametrize("verb", ["export", "consolidate", "survey", "look"])
def test_without_a_server_nothing_begins_and_it_is_said_why(
    administrator: Client, verb: str
) -> None:
    scenes.server(host="")

    shown = text(administrator.post(f"{PAGE}{verb}/", {"service": "all"}, follow=True))

    assert "No SFTP server is set yet." in shown
    assert not Job.objects.filter(kind__startswith="bulk-").exists()


@pytest.mark.spec("BK-3")
def test_consolidate_and_look_again_are_runs(administrator: Client) -> None:
    administrator.post(f"{PAGE}consolidate/")
    administrator.post(f"{PAGE}survey/")

    kinds = Job.objects.filter(kind__startswith="bulk-").values_list("kind", flat=True)
    assert sorted(kinds) == ["bulk-consolidate", "bulk-survey"]


@pytest.mark.spec("BK-5")
def test_every_kind_of_run_has_a_name() -> None:
    assert set(NAMES) == {kind for kind in jobs._registry if kind.startswith("bulk-")}


@pytest.mark.spec("BK-5")
def test_a_run_is_followed_and_cancelled_by_who_may_run_the_exchange(
    as_role: Callable[..., Client],
) -> None:
    job = scenes.job("bulk-consolidate", JobState.QUEUED)
    address, operator, auditor = f"{PAGE}job/{job.pk}/", as_role("Operator"), as_role("Auditor")

    assert 'id="job" data-live' in text(operator.get(address))
    assert ">Cancel</button>" in text(operator.get(address))
    assert ">Cancel</button>" not in text(auditor.get(address))
    assert auditor.post(f"{address}cancel/").status_code == 403
    shown = text(operator.post(f"{address}cancel/", follow=True))
    assert "Consolidate is being cancelled." in shown
    assert "data-live" not in shown
    assert "has ended already" in text(operator.post(f"{address}cancel/", follow=True))


@pytest.mark.spec("BK-5")
def test_only_runs_of_the_exchange_stand_here(administrator: Client) -> None:
    other = Job.objects.exclude(kind__startswith="bulk-").first()
    assert other

    assert administrator.get(f"{PAGE}job/{other.pk}/").status_code == 404
    assert administrator.post(f"{PAGE}job/{other.pk}/cancel/").status_code == 404


@pytest.mark.spec("BK-5")
def test_the_history_is_paged_through(
    administrator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        scenes.job(state=JobState.DONE, messages=[f"run {number:02}"])

    assert "run 59" in text(administrator.get(PAGE))
    assert "run 39" not in text(administrator.get(PAGE))
    with django_assert_max_num_queries(12):
        assert "run 09" in text(administrator.get(f"{PAGE}job/?p=2"))


@pytest.mark.spec("BK-4")
@pytest.mark.parametrize("name", ["", "other.p12", "../../etc/passwd", "x" * 5000])
def test_no_other_file_is_asked_for(administrator: Client, name: str) -> None:
    assert administrator.get(f"{PAGE}file/", {"name": name}).status_code == 404
    assert administrator.post(f"{PAGE}file/", {"name": name}).status_code == 404
