"""Dangerous pages ask again who sits there, when the last proof is too old."""

from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from pytest_django import Settings

from ccxsec_project.authentication.freshness import PROVED_AT
from certificates.models import Action, Certificate, Event
from tests.conftest import HttpsClient

pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]
PASSWORD = "correct-horse-battery-staple"
GENERATE = "/admin/certificates/certificate/generate/?purpose=tomcat"


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def client(db: None) -> HttpsClient:
    """Signed in as a superuser, and so long ago that the proof is too old."""
    return stale(User.objects.create_superuser("ann", password=PASSWORD))


def stale(user: User) -> HttpsClient:
    client = HttpsClient()
    client.force_login(user)
    session = client.session
    session[PROVED_AT] -= 601
    session.save()
    return client


def question(response: Any) -> bool:
    return "Confirm that it is you" in response.content.decode()


DANGEROUS = [
    "certificates/certificate/generate/",
    "certificates/certificate/regenerate/",
    "certificates/certificate/roll-back/",
    "certificates/certificate/delete/",
    "certificates/backupsettings/",
    "certificates/node/1/reach/",
    "certificates/node/1/service/",
    "ipsec/policy/delete/",
    "auth/user/add/",
    "auth/user/1/change/",
    "auth/user/1/delete/",
    "auth/user/1/password/",
    "auth/group/1/change/",
    "auth/group/1/delete/",
    "second-factor/",
]


def test_a_dangerous_page_asks_first_and_leads_back(client: HttpsClient) -> None:
    asked = [client.get(f"/admin/{page}?a=b&c=d").headers.get("Location") for page in DANGEROUS]
    first = f"/admin/{DANGEROUS[0]}?a=b&c=d"

    assert asked == [
        f"/admin/prove/?next={quote(f'/admin/{page}?a=b&c=d', safe='')}" for page in DANGEROUS
    ]
    assert question(client.get(asked[0]))
    assert client.post(asked[0], {"proof_password": PASSWORD})["Location"] == first
    assert "/prove/" not in client.get(first).headers.get("Location", "")


SENT = [
    "certificates/backupsettings/",
    "certificates/backupsettings/download/",
    "certificates/node/1/host-key/pin/",
    "bulk/cluster/confirm/",
]


@pytest.mark.parametrize("page", SENT)
def test_so_does_what_leads_to_the_keys_or_to_trust(client: HttpsClient, page: str) -> None:
    """Who finds a session open takes no backup away, and opens none with a passphrase of theirs."""
    asked = client.post(f"/admin/{page}", {"name": "x", "locked_by": "recipient"})

    assert asked.status_code == 403
    assert question(asked)


def test_other_pages_do_not_ask(client: HttpsClient) -> None:
    for page in ("", "certificates/certificate/", "auth/user/", "password_change/"):
        assert client.get(f"/admin/{page}").status_code == 200


def test_a_fresh_sign_in_is_a_proof(administrator: HttpsClient) -> None:
    assert administrator.get(GENERATE).status_code == 200


def test_who_may_not_is_refused_without_a_question(node: Any) -> None:
    auditor = User.objects.create(username="carl", is_staff=True)
    auditor.groups.add(Group.objects.get(name="Auditor"))

    assert stale(auditor).get(GENERATE).status_code == 403


def test_a_form_that_comes_too_late_is_kept_and_done_after_the_proof(
    client: HttpsClient, tomcat: Certificate
) -> None:
    form = {
        "node": tomcat.node_id,
        "purpose": "tomcat",
        "key": "ec-p256",
        "validity": "825",
        "seen": tomcat.fingerprint,
    }
    # A browser sends this with every form; it is no secret of the form itself.
    asked = client.post(GENERATE, form | {"csrfmiddlewaretoken": "of-the-form"})

    assert asked.status_code == 403
    assert "of-the-form" not in asked.content.decode()
    assert question(asked)
    for name, value in form.items():
        assert f'name="{name}" value="{value}"' in asked.content.decode()
    wrong = client.post(GENERATE, form | {"proof_password": "wrong"})
    assert wrong.status_code == 422
    assert question(wrong)
    done = client.post(GENERATE, form | {"proof_password": PASSWORD})
    assert not question(done)
    assert client.get(GENERATE).status_code == 200


def test_a_password_in_a_form_that_comes_too_late_is_not_written_into_a_page(
    client: HttpsClient,
) -> None:
    secret = "planted-password-of-somebody"
    form = {"username": "dora", "password1": secret, "password2": secret}
    asked = client.post("/admin/auth/user/add/", form).content.decode()

    assert secret not in asked
    assert "/admin/prove/?next=" in asked
    assert "dora" not in asked
    assert not User.objects.filter(username="dora").exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example/admin/",
        "javascript:alert(1)",
        "/calendar/x.ics",
        "/admin/\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_it_never_leads_elsewhere(client: HttpsClient, address: str) -> None:
    response = client.post(
        "/admin/prove/", {"proof_password": PASSWORD}, query_params={"next": address}
    )

    assert response["Location"].startswith("/admin/")
    assert "evil" not in response["Location"]
    assert "\n" not in response["Location"]


def test_guessing_is_limited_and_a_right_answer_renews_the_session(client: HttpsClient) -> None:
    before = client.session.session_key
    for _ in range(4):
        assert client.post("/admin/prove/", {"proof_password": "wrong"}).status_code == 422
    assert client.post("/admin/prove/", {"proof_password": PASSWORD}).status_code == 302
    assert client.session.session_key != before

    for _ in range(5):
        client.post("/admin/prove/", {"proof_password": "wrong"})
    assert client.post("/admin/prove/", {"proof_password": PASSWORD}).status_code == 422
    assert Event.objects.filter(action=Action.SIGN_IN_LOCKED).count() == 1


def test_a_password_of_somebody_else_is_no_proof(client: HttpsClient) -> None:
    User.objects.create_superuser("bob", password="another-correct-horse")

    sent = {"username": "bob", "proof_password": "another-correct-horse"}
    assert client.post("/admin/prove/", sent).status_code == 422


def test_changing_the_password_asks_the_old_one_and_ends_other_sessions(
    client: HttpsClient,
) -> None:
    other = HttpsClient()
    other.force_login(User.objects.get(username="ann"))
    new = {"new_password1": "a-new-long-password-7", "new_password2": "a-new-long-password-7"}

    for _ in range(4):
        refused = client.post("/admin/password_change/", new | {"old_password": "wrong"})
        assert refused.status_code == 200
    assert other.get("/admin/").status_code == 200
    client.post("/admin/password_change/", new | {"old_password": PASSWORD})
    assert other.get("/admin/").status_code == 302
    assert client.get("/admin/").status_code == 200


def test_guessing_the_old_password_is_limited(client: HttpsClient) -> None:
    wanted = "a-new-long-password-7"
    new = {"new_password1": wanted, "new_password2": wanted}
    for _ in range(5):
        client.post("/admin/password_change/", new | {"old_password": "wrong"})
    client.post("/admin/password_change/", new | {"old_password": PASSWORD})

    assert User.objects.get(username="ann").check_password(PASSWORD)
    assert Event.objects.filter(action=Action.SIGN_IN_LOCKED).count() == 1
