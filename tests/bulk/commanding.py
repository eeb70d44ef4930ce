"""Runs `./ccxsec bulk` inside the test's process."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def run(*words: str) -> Any:
    return json.loads(printed(*words, "--json")[0])


def printed(*words: str) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    call_command("bulk", *words, stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        printed(*words)
    assert error.value.returncode == 1
    return str(error.value)


def refused_with(*words: str) -> tuple[str, Any]:
    """Also what was printed as JSON all the same."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("bulk", *words, "--json", stdout=out, stderr=io.StringIO())
    return str(error.value), json.loads(out.getvalue())
