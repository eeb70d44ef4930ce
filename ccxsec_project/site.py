"""The admin site in the shape of the manual: one group Security, four entries (MN-1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import connection, transaction
from django.db.models import Exists, Subquery
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, re_path, reverse, reverse_lazy
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

from bulk.models import ExchangeServer
from ccxsec_project.authentication.password import limited
from ccxsec_project.authentication.sign_in import SignInView, openid_offer
from ccxsec_project.dashboard import attention, figures, next_to_expire
from ccxsec_project.menu import MENU, Entry
from ccxsec_project.menu_html import menu_html
from ccxsec_project.timeline import timeline
from certificates.access import Actor, Permission, signed_in
from certificates.models import BackupReminder, Node, RestartNotice
from certificates.sentence import say
from ipsec.models import IpsecSettings, Policy

RESTARTS, ALARMS, TRIALS = 20, 5, 5  # that a page names


class SecuritySite(AdminSite):
    site_title = "ccxsec"
    site_header = "ccxsec"
    index_title = _("Dashboard")
    site_url = None
    index_template = "ccxsec_project/dashboard.html"
    enable_nav_sidebar = True
    empty_value_display = "—"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The sidebar; each user sees the entries that he or she may open."""
        groups = []
        for name, entries in MENU.items():
            models = [_line(entry) for entry in entries if _may_see(request, entry)]
            if models:
                groups.append(
                    {
                        "name": name,
                        "app_label": slugify(name),
                        "app_url": reverse("admin:index"),
                        "has_module_perms": True,
                        "models": models,
                    }
                )
        return groups

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if not self.has_permission(request):
            return context
        context["menu"] = menu_html(context["available_apps"], request.path)
        standing = _standing()
        if signed_in(request).may(Permission.VIEW):
            context["restarts_due"] = standing.restarts
            context |= {"backup_due": standing.backup_due, "host_key_alarms": standing.alarmed}
            context["may_back_up"] = signed_in(request).may(Permission.BACKUP)
        if signed_in(request).may(Permission.VIEW_BULK):
            context["exchange_alarm"] = standing.exchange_alarm
        if signed_in(request).may(Permission.VIEW_POLICIES):
            context |= _policies(request, standing.trials)
        return context

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        context = dict(extra_context or {})
        actor = signed_in(request)
        if actor.may(Permission.VIEW):
            context |= {
                "attention": attention(actor),
                "figures": figures(),
                "next_to_expire": next_to_expire(),
                "timeline": timeline(timezone.now()),
            }
        return super().index(request, context)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Django's page, within limits, and with the second factor of who has one."""
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        context = self.each_context(request) | {
            "title": say("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **openid_offer(request),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = reverse("admin:index")
        request.current_app = self.name
        return SignInView.as_view(extra_context=context | (extra_context or {}))(request)

    @transaction.atomic
    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The password and its event together."""
        change = super().password_change
        return limited(request, lambda: change(request, extra_context))

    def get_urls(self) -> list[Any]:
        # The screens register themselves at this site: they can't be there before it.
        from bulk.admin import bulk_urls  # noqa: PLC0415
        from ccxsec_project.api.admin.tokens import token_urls  # noqa: PLC0415
        from ccxsec_project.authentication.urls import authentication_urls  # noqa: PLC0415
        from ccxsec_project.find import find_view  # noqa: PLC0415
        from ccxsec_project.page_tables import page_table_urls  # noqa: PLC0415
        from certificates.admin.monitor import monitor_urls  # noqa: PLC0415

        # Django's own pages, without the two that would show models behind our back.
        hidden = ("view_on_site", "app_list", None)
        stock = [url for url in super().get_urls() if getattr(url, "name", "") not in hidden]
        home = self.admin_view(RedirectView.as_view(url=reverse_lazy("admin:index")))
        policies = RedirectView.as_view(pattern_name="admin:ipsec_policy_changelist")
        find = partial(find_view, site=self)
        # Stock breadcrumbs link to an app's own index; ours has one index for all.
        groups = re_path("^(?P<app_label>auth|certificates)/$", home, name="app_list")
        return [
            groups,
            path("ipsec/", self.admin_view(policies), name="ipsec"),
            path("find/", self.admin_view(find), name="find"),
            *monitor_urls(self),
            *bulk_urls(self),
            *authentication_urls(self),
            *token_urls(self),
            *page_table_urls(self),
            *stock,
        ]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands on every page beside restarts."""

    backup_due: str | None = None
    restarts: Sequence[RestartNotice] = ()
    alarmed: Sequence[Node] = ()
    trials: Sequence[Policy] = ()
    exchange_alarm: str = ""  # the fingerprint that the SFTP server shows instead of the pinned one


def _standing() -> _Standing:
    """One query while nothing is to be restarted, no host key has changed, and nothing on trial."""
    with connection.cursor() as cursor:
        cursor.execute(*_asked())
        found = cursor.fetchone() or (None, False, False, False, "")
    reason, is_due, is_alarmed, is_on_trial, changed = found
    due = RestartNotice.objects.open().in_restart_order().select_related("node")
    return _Standing(
        reason,
        list(due[:RESTARTS]) if is_due else (),
        list(Node.objects.exclude(host_key_alarm="")[:ALARMS]) if is_alarmed else (),
        list(Policy.objects.on_trial()[:TRIALS]) if is_on_trial else (),
        changed or "",
    )


@cache
def _asked() -> tuple[str, Sequence[Any]]:
    """Composed once: on every page that would cost more than what the database does."""
    found = Node.objects.filter(is_local=True).values_list(
        Subquery(BackupReminder.objects.open().values("reason")[:1]),
        Exists(RestartNotice.objects.open()),
        Exists(Node.objects.exclude(host_key_alarm="")),
        Exists(Policy.objects.on_trial()),
        Subquery(ExchangeServer.objects.values("host_key_alarm")[:1]),
    )
    sql, parameters = found[:1].query.sql_with_params()
    return str(sql), parameters


def _policies(request: HttpRequest, trials: Sequence[Policy]) -> dict[str, Any]:
    """What stands on every page about policies: trials that run; on their own the upgrade, too."""
    context: dict[str, Any] = {
        "trials": trials,
        "may_confirm": signed_in(request).may(Permission.OPERATE_POLICIES),
    }
    own = (reverse("admin:ipsec_policy_changelist"), reverse("admin:index"))
    if request.path.startswith(own[0]) or request.path == own[1]:
        context["upgrade"] = IpsecSettings.objects.current()
        context["may_switch_upgrade"] = signed_in(request).may(Permission.CONFIGURE_POLICIES)
    return context


@cache
def _line(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "object_name": slugify(entry.name),
        "admin_url": reverse(entry.url_name),
        "covers": reverse(entry.covers or entry.url_name),
        "add_url": None,
        "view_only": True,
        "perms": {"view": True},
    }


def _may_see(request: HttpRequest, entry: Entry) -> bool:
    if isinstance(entry.permission, Permission):
        actor: Actor = signed_in(request)
        return actor.may(entry.permission)
    return bool(request.user.has_perm(entry.permission))
