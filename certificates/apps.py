"""Django's handle on the certificates app."""

from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    name = "certificates"
    verbose_name = "Security"

    def ready(self) -> None:
        from certificates import operations, sign_in  # noqa: F401, PLC0415 - they register themselves
