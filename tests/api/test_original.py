"""Scripts that were written for the original go on working: its paths, fields and statuses."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from ccxsec_project.api.failures import LIMIT
from ccxsec_project.api.operations import revoke_token
from certificates.access import Actor, Permission
from certificates.models import Certificate, Event, Node, SigningRequest
from tests.api.conftest import ApiClient, token_of
from tests.certificates.authority import Authority

pytestmark = [pytest.mark.django_db, pytest.mark.spec("CM-11", "CM-16")]
BASE = "/platformcom/api/v1/certmgr/config"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


class Script(ApiClient):
    """Sends user name and password, as scripts of the original do."""

    def __init__(self, name: str, password: str) -> None:
        super().__init__()
        self.basic = base64.b64encode(f"{name}:{password}".encode()).decode()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        basic = f"Basic {self.basic}"
        return self.ask(method, f"{BASE}/{path}", body, Authorization=basic, Accept="*/*")


@pytest.fixture
def script(person: Callable[[str], User], node: Node) -> Script:
    user = User.objects.get(pk=person("Security administrator").pk)
    return Script(user.get_username(), token_of(user))


def renew(script: Script, ca: Authority, **fields: Any) -> Any:
    """What a renewal does: a request, the CA's certificates, the answer."""
    asked = {"service": "tomcat", "distribution": "this-server", "commonName": "ccx1.example.com"}
    made = script.call("POST", "csr", asked | fields)
    assert made.status_code == 200, made.content
    for authority in (ca.root, ca.sub):
        body = {
            "service": ["tomcat"],
            "certificates": [authority.decode()],
            "description": "Trust Certificate",
        }
        assert script.call("POST", "trust/certificates", body).status_code == 200
    signed = ca.sign(made.json()["csr"])
    body = {"service": "tomcat", "certificates": [signed.decode()]}
    return script.call("POST", "identity/certificates", body)


def test_a_renewal_as_scripts_do_it(script: Script, ca: Authority, node: Node) -> None:
    given = {"keyType": "rsa", "keyLength": 2048, "hashAlgorithm": "sha256"}
    names = {"altNames": ["ccx1.example.com", "192.0.2.10"]}

    answer = renew(script, ca, **given, **names)

    assert answer.status_code == 200, answer.content
    assert "Restart tomcat on ccx1.example.com" in answer.json()["message"]
    row = Certificate.objects.active().own().get(purpose="tomcat")
    assert row.type == "ca-signed"
    [shown] = script.call("GET", "identity/certificates?service=tomcat").json()
    assert shown == {"service": "tomcat", "certificate": row.pem.decode()}
    assert script.call("GET", "identity/certificate?service=tomcat").json() == shown
    trusted = script.call("GET", "trust/certificate?service=tomcat").json()
    assert {ca.root.decode(), ca.sub.decode()} <= {one["certificate"] for one in trusted}
    actors = set(Event.objects.filter(action="certificate:install").values_list("actor"))
    assert actors == {("Security-administrator, token script, 127.0.0.1",)}


def test_the_answer_comes_with_its_chain(script: Script, ca: Authority) -> None:
    made = script.call("POST", "csr", {"service": "tomcat", "keyLength": 2048}).json()["csr"]
    chain = [ca.sign(made).decode(), ca.sub.decode(), ca.root.decode()]

    body = {"service": "tomcat", "certificates": chain}
    answers = [script.call("POST", "identity/certificates", body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].content
    assert answers[1].json()["message"] == "It is in force already."
    assert Certificate.objects.trust().filter(purpose="tomcat-trust").count() >= 2


def test_a_second_renewal_takes_the_place_of_the_request_that_waits(script: Script) -> None:
    body = {"service": "tomcat", "distribution": "this-server", "commonName": "ccx1.example.com"}

    first = script.call("POST", "csr", body).json()["csr"]
    second = script.call("POST", "csr", body).json()["csr"]

    assert first != second
    assert script.call("GET", "csr?service=tomcat").json()["csr"] == second
    assert sorted(SigningRequest.objects.values_list("state", flat=True)) == [
        "pending",
        "superseded",
    ]
    assert script.call("DELETE", "csr?service=tomcat").status_code == 200
    assert script.call("DELETE", "csr?service=tomcat").status_code == 404


IMPOSSIBLE: list[tuple[str, dict[str, Any], str]] = [
    ("identity/certificates", {"service": "tomcat", "certificates": ["a"]}, "upload.text"),
    ("identity/certificates", {"service": "tomcat", "certificates": ["a", "b"]}, "upload.text"),
    ("identity/certificates", {"service": "tomcat", "certificates": []}, "api.invalid"),
    ("identity/certificates", {"service": "CallManager", "certificates": ["a"]}, "purpose"),
    ("trust/certificates", {"service": ["tomcat"], "certificates": ["a"]}, "upload.text"),
    ("csr", {"service": "tomcat-trust"}, "purpose"),
    ("csr", {"service": "tomcat", "keyLength": 1000}, "key.size"),
    ("csr", {"service": "tomcat", "hashAlgorithm": "md5"}, "request.hash"),
    ("csr", {}, "api.invalid"),
]


def test_what_can_not_be_is_refused_with_400_and_a_message(script: Script) -> None:
    for path, body, code in IMPOSSIBLE:
        answer = script.call("POST", path, body)

        assert answer.status_code == 400, (path, body)
        assert answer.json()["code"].startswith(code)
        assert answer.json()["message"]


def test_trust_certificates_are_taken_out_unless_an_identity_needs_them(
    script: Script, ca: Authority
) -> None:
    renew(script, ca, keyLength=2048)
    needed = {"service": "tomcat", "certificates": [ca.sub.decode()]}

    refused = script.call("DELETE", "trust/certificates", needed)
    assert (refused.status_code, refused.json()["code"]) == (400, "confirm.path")
    body = {"service": ["tomcat", "ipsec"], "certificates": [ca.root.decode()]}
    assert script.call("POST", "trust/certificates", body).status_code == 200
    gone = {"service": "ipsec-trust", "certificates": [ca.root.decode()]}
    assert script.call("DELETE", "trust/certificates", gone).status_code == 200
    assert script.call("DELETE", "trust/certificates", gone).status_code == 404
    assert script.call("DELETE", "identity/certificates?service=tomcat").status_code == 400


def test_a_snapshot_tells_everything_but_keys(script: Script) -> None:
    told = script.call("GET", "snapshot/server").json()

    assert told["server"] == "ccx1.example.com"
    assert [one["service"] for one in told["identities"]] == ["tomcat", "ipsec"]
    assert [one["service"] for one in told["trusts"]] == ["tomcat-trust", "ipsec-trust"]
    assert "PRIVATE KEY" not in str(told)


def test_the_name_must_be_that_of_the_tokens_user(script: Script, nobody: Actor) -> None:
    _, _, text = base64.b64decode(script.basic).decode().partition(":")

    refused = Script("nobody", text).call("GET", "trust/certificates")
    assert refused.status_code == 401
    assert "as the password" in refused.json()["cure"]
    assert Script("", text).call("GET", "trust/certificates").status_code == 401
    bearer = ApiClient(text).ask("GET", f"{BASE}/trust/certificates")
    assert bearer.status_code == 200
    # And our own paths take no user names.
    basic = f"Basic {script.basic}"
    assert script.ask("GET", "/certificates", Authorization=basic).status_code == 401


PASSWORD = "four words and a number 7"


@pytest.fixture
def quick_passwords(settings: Settings) -> None:
    """Comparing one takes no time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.mark.usefixtures("quick_passwords")
@pytest.mark.parametrize(("allowed", "status"), [(False, 401), (True, 200)])
def test_passwords_of_users_are_a_setting(
    node: Node,
    person: Callable[[str], User],
    settings: Settings,
    allowed: bool,
    status: int,
) -> None:
    user = person("Auditor")
    user.set_password(PASSWORD)
    user.save()
    settings.CCXSEC_API_BASIC = allowed

    right = Script("Auditor", PASSWORD).call("GET", "trust/certificates")
    wrong = Script("Auditor", "another").call("GET", "trust/certificates")

    assert (right.status_code, wrong.status_code) == (status, 401)
    failed = Event.objects.filter(action="session:sign-in-failed")
    assert failed.exists() is allowed


@pytest.mark.usefixtures("quick_passwords")
@pytest.mark.parametrize(
    ("role", "required", "is_staff", "status"),
    [
        ("Auditor", "administrators", True, 200),
        ("Security administrator", "administrators", True, 401),
        ("Auditor", "everybody", True, 401),
        ("Auditor", "nobody", False, 401),
    ],
)
def test_a_password_does_here_what_it_does_on_the_sign_in_page(
    person: Callable[[str], User],
    settings: Settings,
    role: str,
    required: str,
    is_staff: bool,
    status: int,
) -> None:
    settings.CCXSEC_API_BASIC, settings.CCXSEC_REQUIRE_SECOND_FACTOR = True, required
    user = person(role)
    user.is_staff = is_staff
    user.set_password(PASSWORD)
    user.save()

    answer = Script(user.get_username(), PASSWORD).call("GET", "trust/certificates")

    assert answer.status_code == status


@pytest.mark.usefixtures("quick_passwords")
def test_after_many_failures_no_password_is_compared(
    node: Node, person: Callable[[str], User], settings: Settings
) -> None:
    settings.CCXSEC_API_BASIC = True
    person("Auditor")
    script = Script("Auditor", "a wrong one")

    statuses = [script.call("GET", "trust/certificates").status_code for _ in range(LIMIT + 3)]

    assert statuses == [401] * LIMIT + [429] * 3
    # The sign-in page's own limit came before.
    compared = Event.objects.filter(action="session:sign-in-failed").count()
    assert compared == settings.CCXSEC_LOCK_OUT_AFTER


def test_scopes_and_revoking_count_here_too(script: Script, person: Callable[[str], User]) -> None:
    user = User.objects.get(pk=person("Operator").pk)
    text = token_of(user, Permission.DOWNLOAD.value, name="reader")
    reader = Script("Operator", text)

    assert reader.call("GET", "trust/certificates").status_code == 200
    assert reader.call("POST", "csr", {"service": "tomcat"}).status_code == 403
    revoke_token(user.api_tokens.get(), actor=Actor("test"), now=timezone.now())
    assert reader.call("GET", "trust/certificates").status_code == 401


def test_what_is_not_there_leads_to_the_page_of_these_paths(
    api_as: Callable[..., ApiClient],
) -> None:
    client, path = api_as("Operator"), f"{BASE}/nothing"
    for asked, page in ((path, "docs/api-original.md"), ("/nothing", "/api/v1/openapi.json")):
        answer = client.ask("GET", asked)
        assert answer.status_code == 404
        assert answer.json()["cure"] == f"See {page}."
