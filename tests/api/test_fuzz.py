"""The API keeps to its document, whatever is sent: schemathesis makes requests from the document.

A few of each operation here; `./ccxsec fuzz api --count N` asks N of each. Every request is undone,
so that each meets the same rows.
"""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ccxsec_project.api.document import document
from tests.api.conftest import ApiClient
from tests.api.test_urls import NAMES, undone
from tests.test_urls import Keys, rows

__all__ = ["rows"]
pytestmark = pytest.mark.django_db
COUNT = int(os.environ.get("API_FUZZ_COUNT", "1"))
SEED = int(os.environ.get("API_FUZZ_SEED", "1"))
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn asks for RSA 4096, too, which takes seconds."""
    key = rsa.generate_private_key(65537, 2048)
    for module in ("generate", "request"):
        found = import_module(f"certificates.operations.{module}")
        monkeypatch.setattr(found, "new_key", lambda _: key)


@pytest.fixture
def _one_connection() -> Iterator[None]:
    """Requests stay in the transaction of the test, as those of Django's test client do."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def operations(app: Any) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(document())
    schema.app = app
    for found in schema.get_all_operations():
        yield found.ok()


@pytest.mark.usefixtures("_quick_keys", "_one_connection")
def test_every_answer_is_one_of_the_document(api: ApiClient, rows: Keys) -> None:
    asked = 0
    headers = {"Authorization": f"Bearer {api.text}"}

    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        _lead_to_rows(case, rows)
        with undone():
            case.call_and_validate(base_url="https://localhost", headers=headers, checks=CHECKS)

    for operation in operations(get_wsgi_application()):
        for mode in MODES:
            drawn = given(case=operation.as_strategy(generation_mode=mode))(ask)
            limited = settings(
                max_examples=COUNT,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )(drawn)
            seed(SEED)(limited)()

    assert asked >= 50


def _lead_to_rows(case: Any, keys: Keys) -> None:
    """Numbers that were drawn as keys name a row that is there, every other time."""
    for name, value in (case.path_parameters or {}).items():
        key = keys.get(NAMES.get(name, name))
        if key and isinstance(value, int) and value % 2:
            case.path_parameters[name] = key
