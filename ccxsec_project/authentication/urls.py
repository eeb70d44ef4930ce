"""The addresses of signing in, below `admin/`."""

from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from ccxsec_project.authentication import enrolment, people
from ccxsec_project.authentication.openid_pages import openid_answer, openid_begin
from ccxsec_project.authentication.prove import prove_page
from ccxsec_project.authentication.sign_in import second, second_options
from certificates.dialogs import View, proof_first

CHANGE_USER = "auth.change_user"


def authentication_urls(site: AdminSite) -> list[URLPattern]:
    """Pages of whoever is signed in, and those of who is about to be."""

    def before(route: str, view: View, name: str, *methods: str) -> URLPattern:
        return path(route, _of(site, view, *methods), name=name)

    def own(route: str, view: View, name: str, *methods: str, proof: bool = True) -> URLPattern:
        inner = _of(site, view, *methods)
        return path(route, site.admin_view(proof_first(inner) if proof else inner), name=name)

    def others(route: str, view: View, name: str) -> URLPattern:
        inner = _of(site, _permitted(view), "POST")
        return path(route, site.admin_view(proof_first(inner, CHANGE_USER)), name=name)

    return [
        before("login/second/", second, "second", "GET", "POST"),
        before("login/second/options/", second_options, "second_options", "POST"),
        before("login/openid/", openid_begin, "openid_begin", "POST"),
        before("login/openid/answer/", openid_answer, "openid_answer", "GET"),
        own("prove/", prove_page, "prove", "GET", "POST", proof=False),
        own("second-factor/", enrolment.second_factor_page, "second_factor", "GET"),
        own("second-factor/app/", enrolment.app_begin, "second_factor_app", "POST"),
        own("second-factor/app/confirm/", enrolment.app_confirm, "second_factor_confirm", "POST"),
        own("second-factor/app/remove/", enrolment.app_remove, "second_factor_remove", "POST"),
        own("second-factor/codes/", enrolment.codes_renew, "second_factor_codes", "POST"),
        own("second-factor/key/", enrolment.key_add, "security_key_add", "POST"),
        own("second-factor/key/options/", enrolment.key_options, "security_key_options", "POST"),
        own("second-factor/key/<int:pk>/", enrolment.key_change, "security_key_change", "POST"),
        others("auth/user/<int:pk>/unlock/", people.user_unlock, "user_unlock"),
        others("auth/user/<int:pk>/reset/", people.user_reset, "user_reset"),
    ]


def _of(site: AdminSite, view: View, *methods: str) -> View:
    def on_site(request: HttpRequest, **captured: int) -> HttpResponseBase:
        return view(request, site, **captured)

    return require_http_methods(["HEAD", *methods] if "GET" in methods else list(methods))(on_site)


def _permitted(view: View) -> View:
    def permitted(request: HttpRequest, site: AdminSite, pk: int) -> HttpResponseBase:
        if not request.user.has_perm(CHANGE_USER):
            raise PermissionDenied(CHANGE_USER)
        return view(request, site, pk)

    return permitted
