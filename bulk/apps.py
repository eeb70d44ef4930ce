"""Django's handle on the bulk app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BulkConfig(AppConfig):
    name = "bulk"
    verbose_name = _("Bulk Certificate Management")

    def ready(self) -> None:
        from bulk import operations  # noqa: F401, PLC0415 - they need the models
