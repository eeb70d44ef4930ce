"""Log records as lines and as JSON: whole, by nobody forged, and without what is secret (MN-4)."""

import json
import logging
import sys
from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from ccxsec_project.access_log import AccessLog, _id_of
from ccxsec_project.logs import REQUEST, JsonFormatter, OneLineFormatter
from certificates.access import acting_as

pytestmark = pytest.mark.spec("MN-4")
HOSTILE = 'x\n2026-01-01 ERROR forged: \u202e"}\n{"level": "CRITICAL"}\x1b[2J\u2028\x00'


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("ccxsec.test", logging.WARNING, "", 0, message, arguments, None)
    for name, value in more.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("text", [HOSTILE, "plain", "\ud800", "é" * 100])
def test_a_record_is_one_object_in_one_line_of_ascii(text: str) -> None:
    said = JsonFormatter().format(record("%s", text))

    assert said.isascii()
    assert said.isprintable()
    line = json.loads(said)
    assert line["level"] == "WARNING"
    assert line["logger"] == "ccxsec.test"
    assert line["message"].isprintable()


def test_it_names_time_request_user_and_address() -> None:
    token = REQUEST.set("0123456789abcdef")
    try:
        with acting_as("anna, 192.0.2.7"):
            line = json.loads(JsonFormatter().format(record("done")))
    finally:
        REQUEST.reset(token)

    assert line["request"] == "0123456789abcdef"
    assert (line["user"], line["address"]) == ("anna", "192.0.2.7")
    assert line["time"].endswith("+00:00")
    assert "trace" not in line


def test_a_trace_holds_code_and_no_values() -> None:
    key = "sentinel-of-a-key"
    try:
        raise ValueError(HOSTILE * len(key))
    except ValueError:
        line = json.loads(JsonFormatter().format(record("oh", exc_info=sys.exc_info())))

    assert line["trace"][0].startswith("Traceback")
    assert "sentinel-of-a-key" not in str(line)
    assert all(part.isprintable() for part in line["trace"])


def test_the_line_form_is_one_line_too() -> None:
    assert "\n" not in OneLineFormatter("{message}", style="{").format(record("%s", HOSTILE))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """The fields of the access records so far."""
    caplog.set_level(logging.INFO, logger="ccxsec.access")
    return lambda: [r.fields for r in caplog.records if r.name == "ccxsec.access"]  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_an_answer_is_noted_with_who_and_how_and_without_the_query(
    administrator: Client, lines: Any
) -> None:
    administrator.get("/admin/?q=secret-search")
    Client().get("/admin/\u202eforged\n", secure=True)

    first, second = lines()
    assert (first["method"], first["path"], first["status"]) == ("GET", "/admin/", 200)
    assert first["user"] == "Security-administrator"
    assert first["address"] == "127.0.0.1"
    assert second["user"] == ""
    assert second["path"].isprintable()
    assert "secret-search" not in str(lines())


@pytest.mark.django_db
def test_an_address_that_is_a_secret_is_not_noted(client: Client, lines: Any) -> None:
    client.get("/calendar/the-secret-token.ics")
    client.get("/healthz")

    assert [line["path"] for line in lines()] == ["/calendar/<str:token>.ics", "/healthz"]


@pytest.mark.parametrize(
    ("given", "is_taken"), [("a1b2c3d4e5", True), ("short", False), ("a b\n" * 4, False)]
)
def test_the_id_of_a_request_is_taken_from_our_own_proxy_alone(
    settings: Settings, given: str, is_taken: bool
) -> None:
    asked = RequestFactory().get("/", headers={"X-Request-ID": given})
    assert _id_of(asked) != given
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert (_id_of(asked) == given) is is_taken


def test_the_id_ends_with_the_answer() -> None:
    seen: list[str] = []

    def answer(_: Any) -> Any:
        seen.append(REQUEST.get())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        AccessLog(answer)(RequestFactory().get("/"))

    assert len(seen[0]) == 16
    assert REQUEST.get() == ""


def test_a_host_that_is_none_of_ours_is_one_line(
    client: Client, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["ccx1.example.com"]

    assert client.get("/admin/", headers={"host": "evil.example"}).status_code == 400

    said = [one for one in caplog.records if one.name == "django.security.DisallowedHost"]
    assert [(one.levelname, one.exc_info) for one in said] == [("WARNING", None)]
    assert "'evil.example' to CCXSEC_ALLOWED_HOSTS" in said[0].getMessage()
