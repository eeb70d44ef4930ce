"""Django's handle on the API and its tokens."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "ccxsec_project.api"
    label = "api"
    verbose_name = "API"
