"""Refusals as the API gives them: `application/problem+json` (RFC 9457).

Beside the members of the standard each has what every refusal of the product has: a code that
stays the same, a sentence, a cure; and the field where one is known.
"""

import json
import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import Field

from ccxsec_project.api.failures import WINDOW, TooManyFailures, Unauthenticated
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.x509.visible import visible
from ipsec.operations import PolicyRefused

MEDIA_TYPE = "application/problem+json"
MOST_FIELDS = 50
logger = logging.getLogger(__name__)

# What the state of things refuses: the same request may do after another look.
CONFLICTS = {
    "state.changed",
    "request.closed",
    "request.open",
    "request.answered",
    "restart.closed",
    "restart.none",
    "restart.not-running",
    "backup.closed",
    "job.ended",
    "policy.changed",
    "policy.gone",
    "policy.no-trial",
    "policy.trial-runs",
    "policy.disabled",
    "upgrade.in-progress",
    "import.done",
    "token.revoked",
    "acknowledge.none",
    "store.drift",
}
MISSING = {"request.none", "rollback.none", "node.none", "import.unknown"}
TOO_LARGE = {"upload.size", "api.size"}
UNAVAILABLE = {"audit.anchor", "daemon.down"}


class FieldProblem(Schema):
    """One field of the request that can't be so."""

    field: str
    code: str
    message: str
    cure: str


class Problem(Schema):
    """Why nothing was changed, and what to do."""

    type: str = Field(examples=["urn:ccxsec:refusal:state.changed"])
    title: str
    status: int
    detail: str = Field(description="Sentence and cure together.")
    code: str = Field(description="Stable; docs/refusals.md lists them.")
    message: str = Field(description="What is wrong.")
    cure: str = Field(description="What to do next.")
    field: str | None = Field(None, description="Where in the request, if that is known.")
    fields: list[FieldProblem] = Field([], description="Where several fields are wrong.")


def answer(refused: Refused, *, status: int | None = None, **more: Any) -> HttpResponse:
    """The response of a refusal."""
    number = HTTPStatus(status or status_of(refused))
    body: dict[str, Any] = {
        "type": f"urn:ccxsec:refusal:{refused.code}",
        "title": number.phrase,
        "status": number.value,
        "detail": visible(f"{refused.sentence} {refused.cure}"),
        "code": refused.code,
        "message": visible(refused.sentence),
        "cure": visible(refused.cure),
        "field": None,
        "fields": [],
    }
    headers = {}
    if number == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="ccxsec"'
    if number == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(WINDOW)
    return HttpResponse(
        json.dumps(body | more), status=number, content_type=MEDIA_TYPE, headers=headers
    )


def status_of(refused: Refused) -> int:
    """The HTTP status of a refusal (docs/api.md)."""
    code = refused.code
    if isinstance(refused, Unauthenticated):
        return HTTPStatus.UNAUTHORIZED
    if isinstance(refused, TooManyFailures):
        return HTTPStatus.TOO_MANY_REQUESTS
    if code in CONFLICTS or code.startswith("confirm."):
        return HTTPStatus.CONFLICT
    if code in MISSING or (code.endswith(".unknown") and not code.startswith("purpose.")):
        return HTTPStatus.NOT_FOUND
    if code in TOO_LARGE:
        return HTTPStatus.CONTENT_TOO_LARGE if hasattr(HTTPStatus, "CONTENT_TOO_LARGE") else 413
    return HTTPStatus.SERVICE_UNAVAILABLE if code in UNAVAILABLE else 422


def answer_with_problems(api: NinjaAPI, *, as_original: bool = False) -> None:
    """Have every refusal of an API answered in this form.

    Args:
        as_original: with 400 for what can't be done as it is asked for.
    """
    api.add_exception_handler(Refused, _refused_by_original if as_original else _refused)
    api.add_exception_handler(PolicyRefused, _policy_refused)
    api.add_exception_handler(PermissionDenied, _denied)
    api.add_exception_handler(Http404, _missing)
    api.add_exception_handler(ValidationError, _malformed if as_original else _invalid)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(SealError, _sealed)


def _refused(request: HttpRequest, refused: Any) -> HttpResponse:
    return answer(refused)


def _refused_by_original(request: HttpRequest, refused: Any) -> HttpResponse:
    status = status_of(refused)
    told = answer(refused, status=400 if status in (409, 422) else status)
    if status == HTTPStatus.UNAUTHORIZED:
        told["WWW-Authenticate"] = 'Basic realm="ccxsec"'
    return told


def _malformed(request: HttpRequest, error: Any) -> HttpResponse:
    return _invalid(request, error, status=400)


def _policy_refused(request: HttpRequest, refused: Any) -> HttpResponse:
    told = [
        {"field": f.field, "code": f.code, "message": f.sentence, "cure": f.cure}
        for f in refused.faults[:MOST_FIELDS]
    ]
    return answer(refused, field=told[0]["field"] if told else None, fields=told)


def _denied(request: HttpRequest, denied: Any) -> HttpResponse:
    wrong = f"This token may not do that: {str(denied) or 'permission'} is missing."
    cure = "Use one whose scopes and whose user's permissions allow it."
    return answer(Refused("api.permission", wrong, cure), status=403)


def _missing(request: HttpRequest, _: Any) -> HttpResponse:
    wrong = f"There is nothing at {visible(request.path)[:200]}."
    return answer(Refused("api.unknown", wrong, "Look at the list that it was taken from."))


def _invalid(request: HttpRequest, error: Any, *, status: int = 422) -> HttpResponse:
    told = [
        {
            "field": ".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]),
            "code": f"api.{one['type']}"[:80],
            "message": visible(str(one["msg"]))[:300],
            "cure": "Look at /api/v1/openapi.json.",
        }
        for one in error.errors[:MOST_FIELDS]
    ]
    first = told[0]
    wrong = f"{visible(first['field'])[:80]}: {first['message']}."
    refused = Refused("api.invalid", wrong, "Mend the request; /api/v1/openapi.json describes it.")
    return answer(refused, status=status, field=visible(first["field"])[:80], fields=told)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    wrong = "The body of the request can't be read as JSON."
    return answer(Refused("api.json", wrong, "Send JSON in UTF-8."), status=error.status_code)


def _sealed(request: HttpRequest, error: Any) -> HttpResponse:
    logger.error("API: %s", error)
    wrong = "A secret can't be opened: its master key is missing."
    return answer(Refused("api.sealed", wrong, "See ./ccxsec secrets show."), status=503)
