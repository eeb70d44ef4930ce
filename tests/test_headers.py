"""What every answer carries, and how long a session lasts."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from ccxsec_project.middleware import ANSWER_HEADERS, UNUSED_FEATURES, USED_FEATURES
from tests.test_urls import FORM, Keys, address, expected, rows

__all__ = ["rows"]
POLICY = (
    "base-uri 'none'; connect-src 'self'; default-src 'none'; form-action 'self';"
    " frame-ancestors 'none'; img-src 'self'; object-src 'none'; script-src 'self';"
    " style-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": "max-age=2592000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}
GETS = [route for route, method in expected() if method == "GET"]


@pytest.mark.any_database
@pytest.mark.django_db
@pytest.mark.parametrize("role", ["anonymous", "Security administrator"])
def test_every_page_carries_all_of_it(
    rows: Keys, as_role: Callable[..., Client], role: str
) -> None:
    client, wrong = as_role(role), []
    for route in GETS:
        if route == "admin/logout/":
            continue
        response = client.get(address(route, rows))
        for header, value in HEADERS.items():
            if carried(response, header) != value:
                wrong.append(f"{route}: {header}: {carried(response, header)!r}")

    assert wrong == []


def carried(response: Any, header: str) -> str:
    """A header's value; the parts of the content policy in their order."""
    found = response.headers.get(header, "")
    return "; ".join(sorted(found.split("; "))) if header.startswith("Content-Sec") else found


def failing(*_: object, **__: object) -> None:
    raise RuntimeError("as a page that has a fault")


@pytest.fixture
def answers(
    client: Client, monkeypatch: pytest.MonkeyPatch, administrator: Client
) -> dict[str, tuple[int, Any]]:
    """Answers that no page gives: the status that is expected, and the answer."""
    monkeypatch.setattr("certificates.admin.event.verify_audit", failing)
    faulty = Client(raise_request_exception=False)
    faulty.cookies = administrator.cookies
    large = b"x" * 8 * 1024 * 1024
    options = {"headers": {"host": "localhost"}, "secure": True}
    return {
        "redirect to https": (301, Client().get("/admin/", headers={"host": "localhost"})),
        "foreign host": (400, client.get("/admin/", headers={"host": "evil.example"})),
        "foreign host, plain": (400, Client().get("/", headers={"host": "evil.example"})),
        "no such page": (404, client.get("/nothing/")),
        "no such page, signed in": (404, administrator.get("/admin/nothing/")),
        "no such file": (404, client.get("/static/nothing.js")),
        "no calendar": (404, client.get(f"/calendar/{'a' * 43}.ics")),
        "method": (405, client.put("/admin/")),
        "unknown method": (405, client.generic("BREW", "/admin/")),
        "no token": (403, Client(enforce_csrf_checks=True).post("/admin/login/", **options)),
        "too large": (413, client.post("/admin/login/", large, content_type=FORM)),
        "a fault": (500, faulty.get("/admin/certificates/event/verify/", **options)),
    }


@pytest.mark.django_db
def test_every_other_answer_carries_it(answers: dict[str, tuple[int, Any]]) -> None:
    wrong = []
    for what, (status, response) in answers.items():
        assert response.status_code == status, what
        for header, value in HEADERS.items():
            is_file, is_plain = "file" in what, what.endswith(("https", "plain"))
            if (header == "Cache-Control" and is_file) or (is_plain and "Transport" in header):
                continue  # what is said about HTTPS is said over HTTPS (RFC 6797, 7.2)
            if carried(response, header) != value:
                wrong.append(f"{what}: {header}: {carried(response, header)!r}")
        if response.headers["Permissions-Policy"] != ANSWER_HEADERS["Permissions-Policy"]:
            wrong.append(f"{what}: Permissions-Policy")

    assert wrong == []


def test_no_feature_is_both_used_and_unused_and_what_is_dangerous_is_off() -> None:
    policy = ANSWER_HEADERS["Permissions-Policy"]

    assert len(set(UNUSED_FEATURES) | set(USED_FEATURES)) == policy.count("=(")
    for name in ("camera", "microphone", "geolocation", "usb", "serial", "payment"):
        assert f"{name}=()" in policy


@pytest.mark.any_database
@pytest.mark.django_db
@pytest.mark.parametrize("role", ["anonymous", "Security administrator"])
def test_no_page_holds_a_script_or_style_of_its_own(
    rows: Keys, as_role: Callable[..., Client], role: str
) -> None:
    client = as_role(role)
    for route in GETS:
        response = client.get(address(route, rows))
        if response.streaming or "html" not in response.headers.get("Content-Type", ""):
            continue
        text = response.content.decode()
        assert "<style" not in text, route
        assert " style=" not in text, route
        assert " onclick=" not in text, route
        assert "http://" not in text.replace("http://www.w3.org", ""), route
        for part in text.split("<script")[1:]:
            opening, _, body = part.partition(">")
            is_data = 'type="application/json"' in opening
            assert is_data or body.lstrip().startswith("</script>"), route


@pytest.mark.django_db
def test_plain_http_is_sent_to_https() -> None:
    response = Client().get("/admin/", headers={"host": "localhost"})

    assert (response.status_code, response["Location"]) == (301, "https://localhost/admin/")


@pytest.mark.django_db
def test_cookies_stay_with_this_host_and_with_https(client: Client) -> None:
    client.get("/admin/login/")

    cookie = client.cookies["__Host-ccxsec-csrf"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
    assert settings.SESSION_COOKIE_NAME.startswith("__Host-")
    assert settings.SESSION_COOKIE_HTTPONLY


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("idle", "signed_in_for", "stays"),
    [(60, 3600, True), (29 * 60, 3600, True), (31 * 60, 3600, False), (10, 8 * 3600 + 1, False)],
)
def test_a_session_ends_after_30_idle_minutes_and_8_hours(
    administrator: Client, idle: int, signed_in_for: int, stays: bool
) -> None:
    administrator.get("/admin/")
    session = administrator.session
    session["seen_at"] = int(time.time()) - idle
    session["signed_in_at"] = int(time.time()) - signed_in_for
    session.save()

    status = administrator.get("/admin/").status_code

    assert status == (200 if stays else 302)


@pytest.mark.django_db
def test_a_foreign_host_name_is_refused(client: Client) -> None:
    assert client.get("/admin/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["der__regex=.", "node__host_name=x", "fingerprint__startswith=a", "private_key=1"]
)
def test_the_query_string_reaches_no_column_of_its_own_choice(
    administrator: Client, query: str
) -> None:
    response = administrator.get(f"/admin/certificates/certificate/?{query}")

    assert response.status_code == 400
