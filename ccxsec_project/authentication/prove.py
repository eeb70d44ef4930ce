"""The page that asks for proof before a dangerous page is opened."""

from django.contrib.admin.sites import AdminSite
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from ccxsec_project.authentication.forms import ProofForm
from ccxsec_project.authentication.proof import answer, here, person_of, safe_address, show_question


@sensitive_post_parameters("proof_password", "proof_code")
def prove_page(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """GET asks; POST judges the answer and leads back to where one was."""
    following = safe_address(request, request.GET.get("next", ""))
    is_sent = request.method == "POST"
    form = ProofForm(person_of(request), request.POST if is_sent else None)
    if is_sent and answer(request, form):
        return redirect(following)
    context = {"form": form, "action": here(request)}
    return show_question(request, context, status=422 if is_sent else 200)
