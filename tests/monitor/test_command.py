"""`./ccxsec monitor`, as an operator and a script use it."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from certificates.models import Acknowledgement, Certificate, MonitorSettings, Secret
from tests.monitor.conftest import Configure
from tests.monitor.mail_server import PASSWORD, USER, Script

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("MO-1")]


def run(*words: str) -> Any:
    out = io.StringIO()
    call_command("monitor", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("monitor", *words, stdout=io.StringIO())
    assert error.value.returncode == 1
    return str(error.value)


@pytest.mark.spec("MO-3")
def test_it_is_set_tested_run_and_its_log_read(
    configure: Configure,
    server: int,
    script: Script,
    expiring: Callable[..., Certificate],
    tmp_path: Path,
) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    words = ["--start-time", "60", "--frequency", "12", "--unit", "hours", "--email", "on"]
    words += ["--to", "a@x.example;b@x.example", "--smtp-host", "localhost"]
    words += ["--smtp-port", str(server), "--smtp-security", "starttls", "--smtp-user", USER]
    shown = run("set", *words, "--smtp-password-file", str(tmp_path / "password"))
    assert (shown["start_time_days"], shown["frequency"]) == (60, "12 hours")
    assert shown["smtp"] == f"localhost:{server} starttls, from the page"
    assert PASSWORD not in json.dumps(shown)
    assert Secret.objects.get(name="monitor-smtp").unseal() == PASSWORD.encode()

    assert run("test")["taken"]
    expiring(timezone.now() + timedelta(days=50))
    assert run("run")["newly_due"] == 2
    [entry] = [one for one in run("log") if one["channel"] == "email" and "a@" in one["address"]]
    assert (entry["state"], entry["reply"]) == ("sent", "250 2.0.0 queued as 000002")
    assert entry["message_id"] == script.messages[1]["Message-ID"]
    assert run("show")["watched"] == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["set", "--start-time", "0"], "A notice can't start 0 days"),
        (["set", "--frequency", "0"], "A notice can't come each 0 days"),
        (["set", "--to", "nobody"], "'nobody' is not one e-mail address."),
        (["set", "--email", "on"], "without an address"),
        (["set", "--smtp-host", "x.example", "--smtp-port", "0"], "0 is no port"),
        (["set", "--smtp-host", "a b"], "neither a host name nor an IP address"),
        (["set", "--webhook", "http://x.example"], "no address of a webhook"),
        (["test"], "There is no SMTP host"),
        (["ack", "tomcat", "--until", "2020-01-01", "--reason", "x"], "not in the coming"),
        (["ack", "tomcat", "--until", "soon", "--reason", "x"], "is no date"),
        (["ack", "nothing", "--until", "2027-01-01", "--reason", "x"], "no active certificate"),
        (["unack", "tomcat"], "is not acknowledged"),
        (["rule", "add", "a", "--value", "tomcat", "--reason", "x"], "is no trust store"),
        (["rule", "remove", "a"], "There is no rule 'a'"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    configure: Configure, words: list[str], says: str
) -> None:
    assert says in refused(*words)
    assert not MonitorSettings.objects.exists()


def test_an_expiry_is_acknowledged_and_withdrawn(configure: Configure) -> None:
    until = f"{timezone.now() + timedelta(days=9):%Y-%m-%d}"
    assert run("ack", "tomcat", "--until", until, "--reason", "ordered")["acknowledged"] == (
        "tomcat.pem on ccx1.example.com"
    )
    assert run("show")["acknowledged"] == 1
    run("unack", "tomcat")
    assert Acknowledgement.objects.get().withdrawn_at


def test_rules_are_added_listed_and_removed(configure: Configure) -> None:
    run("rule", "add", "old", "--field", "common_name", "--operator", "contains",
        "--value", "Old", "--reason", "known")  # fmt: skip
    assert run("rule", "list")[0]["rule"] == "Common name contains Old"
    assert run("rule", "remove", "old") == []
