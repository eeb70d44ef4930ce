"""Django's handle on the ipsec app."""

from django.apps import AppConfig


class IpsecConfig(AppConfig):
    name = "ipsec"
    verbose_name = "IPSEC"

    def ready(self) -> None:
        from ipsec import operations  # noqa: F401, PLC0415 - they need the models
