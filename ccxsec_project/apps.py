"""Django's handles on the project: its own commands, and the admin site in its shape."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ProjectConfig(AppConfig):
    name = "ccxsec_project"


class SiteConfig(AdminConfig):
    default_site = "ccxsec_project.site.SecuritySite"
