"""Runs `./ccxsec ipsec` inside the test's process."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.ipsec.conftest import HERE, THERE

HOSTS = ["--source", HERE, "--destination", THERE]
NEW = ["add", "web/b", "--source", HERE, "--destination", "192.0.2.9"]
KEYED = [*NEW, "--key-file", "psk"]


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
