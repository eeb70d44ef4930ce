"""The OpenAPI document: the one in docs/ is that of the code, and every operation keeps to it."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from ccxsec_project.api.document import document
from tests.api.conftest import ApiClient
from tests.product import ROOT


def test_the_document_in_docs_is_that_of_the_code() -> None:
    kept = json.loads((ROOT / "docs" / "openapi.json").read_text())

    assert kept == document(), "run ./ccxsec openapi > docs/openapi.json"


def test_it_is_openapi_3_1_and_tells_every_refusal() -> None:
    told = document()

    assert told["openapi"].startswith("3.1.")
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "422"} <= operation["responses"].keys(), (method, path)
            assert operation["security"], (method, path)
            assert operation["summary"], (method, path)


@pytest.mark.django_db
def test_it_is_read_by_who_has_a_token_or_is_signed_in(
    api: ApiClient, as_role: Callable[..., Client]
) -> None:
    assert api.ask("GET", "/openapi.json").json() == document()
    assert as_role("Auditor").get("/api/v1/openapi.json").status_code == 200
    assert ApiClient().ask("GET", "/openapi.json").status_code == 401
