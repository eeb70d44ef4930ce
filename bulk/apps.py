"""Django's handle on the bulk app."""

from django.apps import AppConfig


class BulkConfig(AppConfig):
    name = "bulk"
