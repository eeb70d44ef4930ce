"""Django's handles on the project: its own commands, and the admin site in its shape."""

import logging

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class ProjectConfig(AppConfig):
    name = "ccxsec_project"

    def ready(self) -> None:
        logging.captureWarnings(True)  # libraries warn of odd certificates: in the log's form


class SiteConfig(SimpleAdminConfig):
    """The screens are loaded with the addresses: a command has no use for them."""

    default_site = "ccxsec_project.site.SecuritySite"
