"""Users and groups: Django's own screens, with our audit log in place of Django's.

The events are written by the receivers of `certificates.sign_in`, whoever makes the change.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from certificates.admin.export import Exported
from certificates.dialogs import proof_first
from certificates.tables import Table, columns

admin.site.unregister([User, Group])


class _Audited(Exported):
    change_list_template = "certificates/list.html"
    actions = None  # one by one, each in the transaction of its page

    def get_urls(self) -> list[Any]:
        """Who may what is changed by people who have proven who they are lately."""
        urls: list[Any] = super().get_urls()
        for url in urls:
            if url.name and url.name.endswith(("_add", "_change", "_delete", "_password_change")):
                proof_first(url.callback)
        return urls

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Django's own log is not kept."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Django's own log is not kept."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Django's own log is not kept."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in ("is_staff__exact", "is_superuser__exact", "is_active__exact")


@admin.register(User)
class AuditedUserAdmin(_Audited, UserAdmin):  # type: ignore[misc,type-arg] # ours returns no LogEntry
    list_filter = ("is_staff", "is_superuser", "is_active")
    readonly_fields = ("last_login", "date_joined")  # what happened is not edited
    exported = Table(
        "users",
        columns(
            "id",
            "username",
            "first_name",
            "last_name",
            "email",
            "is_active",
            "is_staff",
            "is_superuser",
            "last_login",
            "date_joined",
            groups=lambda row: [group.name for group in row.groups.all()],
        ),
    )

    def exported_rows(self, rows: Any) -> Iterable[Any]:
        return super().exported_rows(rows.prefetch_related("groups"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is changed by superusers alone: a new password is all that it takes else."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Nobody becomes a superuser but by one."""
        shown = super().get_readonly_fields(request, obj)
        return shown if request.user.is_superuser else (*shown, "is_superuser")

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The password and its event together."""
        response: HttpResponseBase = super().user_change_password(request, *args, **kwargs)
        return response


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


@admin.register(Group)
class AuditedGroupAdmin(_Audited, GroupAdmin):  # type: ignore[misc] # ours returns no LogEntry
    exported = Table(
        "groups",
        columns(
            "id",
            "name",
            permissions=lambda row: [
                f"{one.content_type.app_label}.{one.codename}" for one in row.permissions.all()
            ],
        ),
    )

    def exported_rows(self, rows: Any) -> Iterable[Any]:
        return super().exported_rows(rows.prefetch_related("permissions__content_type"))
