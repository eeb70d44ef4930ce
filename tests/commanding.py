"""Runs a command of the product inside the test's process."""

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Commanding:
    """`./ccxsec NAME`."""

    name: str

    def run(self, *words: str) -> Any:
        """What it prints with --json."""
        return json.loads(self.printed(*words, "--json")[0])

    def printed(self, *words: str) -> tuple[str, str]:
        """Its standard output and its standard error."""
        out, errors = io.StringIO(), io.StringIO()
        call_command(self.name, *words, stdout=out, stderr=errors)
        return out.getvalue(), errors.getvalue()

    def refused(self, *words: str) -> str:
        """Why it ends with status 1."""
        with pytest.raises(CommandError) as error:
            self.printed(*words)
        assert error.value.returncode == 1
        return str(error.value)

    def refused_with(self, *words: str) -> tuple[str, Any]:
        """Also what was printed as JSON all the same."""
        out = io.StringIO()
        with pytest.raises(CommandError) as error:
            call_command(self.name, *words, "--json", stdout=out, stderr=io.StringIO())
        return str(error.value), json.loads(out.getvalue())
