"""Django's handle on the certificates app."""

from django.apps import AppConfig
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from certificates.sentence import translate_by


class CertificatesConfig(AppConfig):
    name = "certificates"
    verbose_name = _("Security")

    def ready(self) -> None:
        translate_by(gettext, ngettext)
        from certificates import (  # noqa: PLC0415 - they need the models
            operations,  # noqa: F401 - they register themselves
            queue_guard,
            sign_in,  # noqa: F401
        )

        queue_guard.install()
