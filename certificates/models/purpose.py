"""What a certificate is for: a service, and one of its two stores."""

from enum import StrEnum

from django.db import models


class Service(StrEnum):
    """What is restarted when its certificates change. A new service is one line here."""

    TOMCAT = "tomcat"
    IPSEC = "ipsec"


class Purpose(models.TextChoices):
    """Certificate Purpose of the manual; never Directory (CM-15)."""

    TOMCAT = "tomcat", "tomcat"
    TOMCAT_TRUST = "tomcat-trust", "tomcat-trust"
    IPSEC = "ipsec", "ipsec"
    IPSEC_TRUST = "ipsec-trust", "ipsec-trust"

    @property
    def service(self) -> Service:
        return Service(self.value.removesuffix("-trust"))

    @property
    def is_own(self) -> bool:
        """An identity of the node, with a private key; else a certificate that it trusts."""
        return not self.value.endswith("-trust")

    @classmethod
    def own(cls) -> list["Purpose"]:
        return [purpose for purpose in cls if purpose.is_own]
