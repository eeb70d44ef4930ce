"""Users and groups: Django's own screens, with our audit log in place of Django's."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest

from certificates.access import signed_in
from certificates.models import Action, Event

admin.site.unregister([User, Group])


class _Audited:
    """The admin calls these in the transaction of the change."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        Event.objects.record(str(signed_in(request)), Action.USER_ADD, obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        fields = ", ".join(
            field
            for part in (message if isinstance(message, list) else [])
            for field in part.get("changed", {}).get("fields", [])
        )
        with transaction.atomic():
            Event.objects.record(str(signed_in(request)), Action.USER_CHANGE, obj, fields=fields)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            Event.objects.record(str(signed_in(request)), Action.USER_DELETE, row)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in ("is_staff__exact", "is_superuser__exact", "is_active__exact")


@admin.register(User)
class AuditedUserAdmin(_Audited, UserAdmin):  # type: ignore[misc,type-arg] # ours returns no LogEntry
    list_filter = ("is_staff", "is_superuser", "is_active")


@admin.register(Group)
class AuditedGroupAdmin(_Audited, GroupAdmin):  # type: ignore[misc] # ours returns no LogEntry
    pass
