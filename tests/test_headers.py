"""What every answer carries, and how long a session lasts."""

import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from tests.test_urls import Keys, address, expected, rows

__all__ = ["rows"]
POLICY = (
    "base-uri 'none'; default-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " object-src 'none'; script-src 'self'; style-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": "max-age=2592000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}
GETS = [route for route, method in expected() if method == "GET"]


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["anonymous", "Security administrator"])
@pytest.mark.parametrize("header", HEADERS)
def test_every_page_carries_it(
    rows: Keys, as_role: Callable[..., Client], role: str, header: str
) -> None:
    client = as_role(role)
    for route in GETS:
        if route == "admin/logout/":
            continue
        response = client.get(address(route, rows))
        found = response.headers.get(header, "")
        parts = "; ".join(sorted(found.split("; "))) if header.startswith("Content") else found
        assert parts == HEADERS[header], route


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
