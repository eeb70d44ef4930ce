"""`./ccxsec ipsec`, as an operator and a script use it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from certificates.models import Node
from tests.ipsec.charon import Charon
from tests.ipsec.conftest import HERE, KEY, THERE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("IP-7")]
HOSTS = ["--source", HERE, "--destination", THERE]


@pytest.fixture
def key_file(node: Node, settings: Settings, tmp_path: Path) -> str:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    (tmp_path / "psk").write_text(f"{KEY}\n")
    return "psk"


def run(*words: str) -> Any:
    return json.loads(printed(*words, "--json")[0])


def printed(*words: str) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    call_command("ipsec", *words, stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        printed(*words)
    assert error.value.returncode == 1
    return str(error.value)


@pytest.mark.spec("IP-1", "IP-2", "IP-3")
def test_a_policy_is_added_shown_changed_and_deleted(charon: Charon, key_file: str) -> None:
    words = ["add", "web/a", *HOSTS, "--protocol", "tcp", "--destination-port", "443"]
    added = run(*words, "--key-file", key_file, "--enable", "--yes")
    assert (added["added"], added["enabled"], added["leak"]) == ("web/a", True, "blocked")
    assert KEY not in json.dumps(added)
    [line] = run("list")
    assert (line["policy"], line["destination"]) == ("web/a", f"{THERE}[tcp/443]")

    shown = run("show", "web/a")
    assert (shown["phase_two_dh"], shown["source_port"], shown["preshared_key"]) == (
        20,
        "any",
        "set",
    )
    words = ["set", "web/a", "--phase-two-dh", "off", "--rename", "web/b", "--disable"]
    changed = run(*words)
    assert (changed["policy"], changed["phase_two_dh"], changed["enabled"]) == (
        "web/b",
        "off",
        False,
    )
    assert run("apply")["loaded"] == []

    assert run("delete", "web/b", "--yes")["deleted"] == ["web/b"]
    assert run("list") == []
