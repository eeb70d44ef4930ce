"""The two APIs, and the OpenAPI 3.1 document of ours."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from ccxsec_project.api.authentication import BearerToken
from ccxsec_project.api.problems import MEDIA_TYPE, Problem, answer, answer_with_problems
from ccxsec_project.api.resources import (
    backups,
    certificates,
    events,
    exchange,
    jobs,
    monitor,
    nodes,
    policies,
    replacing,  # noqa: F401 - adds routes to that of certificates
    restarts,
    signing_requests,
    uploads,  # noqa: F401 - likewise
)
from certificates.refusal import Refused

VERSION = "1"
ABOUT = """Certificates, signing requests, restarts, the monitor, IPsec policies and the exchange
with other clusters: the operations of the screens and of the command line.

Send a token in the header `Authorization: Bearer ccxsec_…`. What can't be done is answered with a
problem (RFC 9457) whose `code` stays the same; nothing was changed then. What would overwrite
something asks for what you were shown (`replacing`, `shown`, `revision`): a request that is sent
twice is done once."""
_REFUSALS = {
    "401": "There is no valid token.",
    "403": "The token, or its user, has no permission for it.",
    "404": "What is asked for is not there.",
    "422": "It can't be done as it is asked for.",
    "429": "Too many requests with a wrong token.",
    "503": "Something that it needs does not answer.",
}
_REFUSALS_OF_CHANGES = {
    "400": "The body is no JSON.",
    "409": "Something changed since you looked, or a caution is to be confirmed.",
    "413": "The body is too large.",
    "415": "The body is of another media type.",
}


class DocumentedApi(NinjaAPI):
    """Each operation tells its refusals, in the form that they have."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """The document, the same for everybody."""
        document = super().get_openapi_schema(**options)
        schemas = document["components"].setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs", {})
        schemas["Problem"] = problem
        document["components"]["responses"] = _refusals()
        for operations in document["paths"].values():
            for method, operation in operations.items():
                _tell_refusals(method, operation)
        return document


def _refusals() -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    every = _REFUSALS | _REFUSALS_OF_CHANGES
    return {status: {"description": about, "content": content} for status, about in every.items()}


def _tell_refusals(method: str, operation: dict[str, Any]) -> None:
    told = _REFUSALS if method == "get" else _REFUSALS | _REFUSALS_OF_CHANGES
    for status in sorted(told):
        operation["responses"][status] = {"$ref": f"#/components/responses/{status}"}
    operation["responses"] = {str(k): v for k, v in operation["responses"].items()}


api = DocumentedApi(
    title="ccxsec",
    version=VERSION,
    description=ABOUT,
    auth=BearerToken(),
    docs_url=None,
    openapi_url=None,
    urls_namespace="api",
)
api.add_router("/nodes", nodes.router)
api.add_router("/certificates", certificates.router)
api.add_router("/signing-requests", signing_requests.router)
api.add_router("/restarts", restarts.router)
api.add_router("/monitor", monitor.router)
api.add_router("/backups", backups.router)
api.add_router("/policies", policies.router)
api.add_router("/exchange", exchange.router)
api.add_router("/jobs", jobs.router)
api.add_router("/events", events.router)
answer_with_problems(api)


def document() -> dict[str, Any]:
    """The document as plain JSON values."""
    made: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
    return made


@require_GET
def openapi(request: HttpRequest) -> HttpResponse:
    """The document, for who has a token or is signed in."""
    if not (request.user.is_authenticated and request.user.is_staff):
        try:
            BearerToken()(request)
        except Refused as refused:
            return answer(refused)
    return HttpResponse(json.dumps(document()), content_type="application/json")
