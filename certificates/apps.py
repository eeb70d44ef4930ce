"""Django's handle on the certificates app."""

from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    name = "certificates"
    verbose_name = "Security"

    def ready(self) -> None:
        from certificates import (  # noqa: PLC0415 - they need the models
            operations,  # noqa: F401 - they register themselves
            queue_guard,
            sign_in,  # noqa: F401
        )

        queue_guard.install()
