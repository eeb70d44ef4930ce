"""Restarts and the backup reminder, as the server answers them (CM-7, CM-10)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from certificates.models import BackupReminder, Event, Job, Node, RestartNotice
from tests.certificates.test_screens import dialog

__all__ = ["dialog"]


@pytest.mark.spec("CM-7")
def test_a_restart_is_acknowledged_once_with_name_and_address(
    administrator: Client, dialog: Callable[..., object], node: Node
) -> None:
    dialog()
    notice = RestartNotice.objects.get()
    page = "/admin/certificates/restartnotice/"

    administrator.post(f"{page}{notice.pk}/acknowledge/")
    administrator.post(f"{page}{notice.pk}/acknowledge/")
    administrator.post(f"{page}backup/acknowledge/")

    shown = administrator.get(page).content.decode()
    assert "is not due any more" in shown
    assert "Security-administrator, 127.0.0.1" in shown
    assert "Restart required" not in shown
    assert Event.objects.filter(action="restart:acknowledge").count() == 1
    assert not BackupReminder.objects.open().exists()


@pytest.mark.spec("CM-7")
def test_a_notice_that_was_renewed_since_is_not_acknowledged(
    administrator: Client, node: Node
) -> None:
    seen, page = timezone.now(), "/admin/certificates/restartnotice/"
    notice = RestartNotice.objects.create(node=node, service="tomcat", opened_at=seen)
    RestartNotice.objects.filter(pk=notice.pk).update(opened_at=seen + timedelta(seconds=1))

    shown = {"opened_at": seen.isoformat()}
    answer = administrator.post(f"{page}{notice.pk}/acknowledge/", shown, follow=True)

    assert "for another reason than you were shown" in answer.content.decode()
    assert RestartNotice.objects.open().exists()


@pytest.mark.spec("CM-7")
def test_restart_now_says_when_the_server_does_not_run(
    administrator: Client, dialog: Callable[..., object]
) -> None:
    dialog()
    notice = RestartNotice.objects.get()

    answer = administrator.post(f"/admin/certificates/restartnotice/{notice.pk}/run/", follow=True)

    assert "The web server does not run" in answer.content.decode()
    assert RestartNotice.objects.open().exists()


@pytest.mark.spec("CM-7")
@pytest.mark.parametrize(("kind", "leads_on"), [("restart", True), ("backup", False)])
def test_a_job_leads_to_the_restarts_where_it_has_to_do_with_them(
    administrator: Client, kind: str, leads_on: bool
) -> None:
    row = Job.objects.create(kind=kind, started_by="test")

    shown = administrator.get(f"/admin/certificates/job/{row.pk}/").content.decode()

    link = 'class="button" href="/admin/certificates/restartnotice/"'
    assert (link in shown) is leads_on
