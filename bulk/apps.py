"""Django's handle on the bulk app."""

from django.apps import AppConfig


class BulkConfig(AppConfig):
    name = "bulk"
    verbose_name = "Bulk Certificate Management"

    def ready(self) -> None:
        from bulk import operations  # noqa: F401, PLC0415 - they need the models
