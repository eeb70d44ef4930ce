"""Django's handle on signing in."""

from importlib import import_module

from django.apps import AppConfig


class AuthenticationConfig(AppConfig):
    name = "ccxsec_project.authentication"
    label = "authentication"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import_module("ccxsec_project.authentication.signals")
