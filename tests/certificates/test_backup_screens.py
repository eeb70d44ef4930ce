"""The page Backup, as the server answers it (CM-10)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from certificates.backup_format.keys import new_identity
from certificates.models import BackupReminder, BackupSettings, Event, Job, Node
from tests.conftest import NOW

pytestmark = [pytest.mark.spec("CM-10"), pytest.mark.django_db]
PAGE = "/admin/certificates/backupsettings/"
PUBLIC = str(new_identity().recipient)
WORDS = "sentinel words of a passphrase"
SETTINGS = {
    "locked_by": "recipient",
    "recipient": PUBLIC,
    "folder": "",
    "unit": "days",
    "every": "2",
    "kept": "5",
}


def text(client: Client, address: str = PAGE) -> str:
    return client.get(address).content.decode()


@pytest.fixture
def folder(settings: Settings) -> Path:
    path = Path(settings.CCXSEC_DATA) / "backups"
    path.mkdir()
    return path


def test_the_settings_are_saved_and_a_backup_is_queued(administrator: Client) -> None:
    before = text(administrator)
    saved = administrator.post(PAGE, SETTINGS)
    made = administrator.post(f"{PAGE}make/", follow=True).content.decode()

    assert "Make a backup now" not in before
    assert saved.status_code == 302
    row = BackupSettings.objects.current()
    assert (row.every_hours, row.kept, row.recipient) == (48, 5, PUBLIC)
    assert "Waiting for the background worker" in made
    assert "A backup is under way" in text(administrator)
    assert Job.objects.get(kind="backup").arguments == {}
    assert Event.objects.filter(action="backup:settings").count() == 1


def test_a_passphrase_comes_back_on_no_page(administrator: Client) -> None:
    words = SETTINGS | {"locked_by": "passphrase", "passphrase": WORDS, "again": WORDS}
    wrong = administrator.post(PAGE, words | {"again": "another"})
    missing = administrator.post(PAGE, words | {"every": "0"})
    saved = administrator.post(PAGE, words, follow=True)

    assert (wrong.status_code, missing.status_code) == (422, 422)
    assert "not the same passphrase" in wrong.content.decode()
    for page in (wrong, missing, saved):
        assert WORDS not in page.content.decode()
    assert "the passphrase that is sealed on this server" in saved.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("locked_by", "", "Choose a recipient"),
        ("recipient", "nonsense", "mistyped"),
        ("folder", "relative", "absolute path"),
        ("folder", "/nowhere\r\nBcc: x", "absolute path"),
        ("every", "0", "greater than or equal to 1"),
        ("every", "99999", "less than or equal to"),
        ("every", "2000", "Choose 1 to 90 days"),
        ("kept", "0", "greater than or equal to 1"),
        ("unit", "years", "not one of the available choices"),
    ],
)
def test_what_cannot_work_is_told_at_its_field(
    administrator: Client, field: str, value: str, words: str
) -> None:
    answer = administrator.post(PAGE, SETTINGS | {field: value})

    assert answer.status_code == 422
    shown = answer.content.decode()
    assert words in shown.split(f'id="div_id_{field}"')[1].split("</div>")[0]
    assert not BackupSettings.objects.exists()


def test_the_list_names_what_is_there_and_what_is_wrong_with_it(
    administrator: Client, node: Node, folder: Path
) -> None:
    (folder / f"{node.host_name}-20260102T030405Z.ccxsec-backup").write_bytes(b"no backup")
    (folder / "<script>alert(1)<").write_bytes(b"")
    (folder / "passwords.txt").write_bytes(b"")

    shown = text(administrator)

    assert f"{node.host_name}-20260102T030405Z" in shown
    assert "Unreadable" in shown
    assert "passwords.txt" not in shown
    assert "alert(1)" not in shown


def test_a_download_is_an_event_and_gives_out_backups_only(
    administrator: Client, node: Node, folder: Path, tmp_path: Path
) -> None:
    name = f"{node.host_name}-20260102T030405Z.ccxsec-backup"
    (folder / name).write_bytes(b"the bytes")
    (tmp_path / "secret").write_bytes(b"sentinel")
    (folder / name.replace("2026", "2027")).symlink_to(tmp_path / "secret")

    answer = administrator.post(f"{PAGE}download/", {"name": name})
    others = [
        "",
        "../secret",
        "..",
        f"../backups/{name}",
        f"{name}\0",
        name.replace("2026", "2027"),
    ]
    refused = [administrator.post(f"{PAGE}download/", {"name": other}) for other in others]

    assert b"".join(answer.streaming_content) == b"the bytes"  # type: ignore[attr-defined]
    assert name in answer.headers["Content-Disposition"]
    assert [response.status_code for response in refused] == [302] * len(others)
    assert Event.objects.filter(action="backup:download").count() == 1


@pytest.mark.parametrize("role", ["staff", "Auditor", "Operator"])
def test_only_a_security_administrator_gets_there(
    as_role: Callable[..., Client], node: Node, role: str
) -> None:
    client = as_role(role)

    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}make/").status_code == 403
    assert client.post(f"{PAGE}download/", {"name": "x"}).status_code == 403
    assert PAGE not in text(client, "/admin/")


def test_the_notice_and_the_restarts_page_lead_there_first(
    administrator: Client, as_role: Callable[..., Client], node: Node
) -> None:
    BackupReminder.objects.remind("tomcat", NOW)
    restarts = "/admin/certificates/restartnotice/"

    shown, operator = text(administrator, restarts), text(as_role("Operator"), restarts)

    assert f'href="{PAGE}">Make a backup</a>' in shown
    assert shown.index(">Make a backup</a>") < shown.index("I made a backup")
    assert PAGE not in operator
    assert "A security administrator makes it" in operator


def test_the_page_asks_as_many_queries_for_many_files_as_for_one(
    administrator: Client,
    node: Node,
    folder: Path,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(150):
        name = f"{node.host_name}-20260102T{number // 60:02}{number % 60:02}05Z.ccxsec-backup"
        (folder / name).write_bytes(b"x")
    text(administrator)

    with django_assert_max_num_queries(15):
        shown = text(administrator)

    assert shown.count("Unreadable") == 100
