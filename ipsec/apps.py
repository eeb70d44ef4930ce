"""Django's handle on the ipsec app."""

from django.apps import AppConfig


class IpsecConfig(AppConfig):
    name = "ipsec"
