"""The document names the scopes that an operation needs, and it needs exactly these."""

import re
from collections.abc import Callable, Collection

import pytest
from django.contrib.auth.models import User

from ccxsec_project.api.document import document
from ccxsec_project.api.models import ApiToken
from certificates.access import Permission
from certificates.models import Certificate
from tests.api.conftest import ApiClient, token_of
from tests.api.test_urls import QUERIES, address, bodies, rows, table, undone
from tests.test_urls import Keys

__all__ = ["rows"]
EVERY = {one.value for one in Permission}


def named_scopes() -> dict[tuple[str, str], list[str]]:
    """What each operation says that it needs, by its route and method."""
    found = {}
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            said = re.search(r"Needs the scopes? (.*)", operation["description"])
            assert said, f"{method} {path} does not say which scope it needs"
            # Behind a semicolon stands what only some rows need.
            scopes = re.findall(r"`([\w.]+)`", said[1].split(";")[0])
            found[re.sub(r"[{}]", "", path.lstrip("/")), method.upper()] = scopes
    return found


@pytest.mark.spec("MN-2")
@pytest.mark.django_db
def test_each_operation_needs_the_scopes_that_it_names_and_no_other(
    rows: Keys, tomcat: Certificate, person: Callable[[str], User | None]
) -> None:
    user = person("Security administrator")
    assert user
    client = ApiClient(token_of(user))
    named, sent, wrong = named_scopes(), bodies(rows, tomcat), []

    def status(route: str, method: str, scopes: Collection[str]) -> int:
        ApiToken.objects.update(scopes=sorted(scopes))
        with undone():
            url = address(route, rows) + QUERIES.get((route, method), "")
            return int(client.ask(method, url, sent.get(route, {})).status_code)

    for route, method in table():
        path = re.sub(r"<(?:int:)?(\w+)>", r"\1", route)
        scopes = named.get((path, method))
        if scopes is None:
            continue
        if status(route, method, scopes) == 403:
            wrong.append(f"{method} {route} needs more than {scopes}")
        for scope in scopes:
            if status(route, method, EVERY - {scope}) != 403:
                wrong.append(f"{method} {route} does not need {scope}")

    assert wrong == []
    assert len(named) > 50
