"""What a certificate is for: a service, and one of its two stores."""

from collections.abc import Iterable
from enum import StrEnum

from django.db import models

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible


class Service(StrEnum):
    """What is restarted when its certificates change."""

    # A new service is one line here.
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

    @classmethod
    def named(cls, text: str, *, among: Iterable["Purpose"] | None = None) -> "Purpose":
        """The purpose of that name; a refusal offers those `among` which it is (None: all).

        Raises:
            Refused: purpose.unknown, purpose.directory (CM-15).
        """
        try:
            return cls(text)
        except ValueError:
            known = ", ".join(cls if among is None else among)
            if "directory" in text.lower():
                wrong = say("Directory trust certificates do not apply to this product.")
                raise Refused(
                    "purpose.directory", wrong, say("Choose one of: {known}.", known=known)
                ) from None
            wrong = say("There is no certificate purpose {text}.", text=repr(visible(text)[:40]))
            raise Refused(
                "purpose.unknown", wrong, say("Choose one of: {known}.", known=known)
            ) from None

    @classmethod
    def own_named(cls, text: str) -> "Purpose":
        """An identity's purpose; raises what `named` raises, and `Refused` purpose.wrong."""
        purpose = cls.named(text, among=cls.own())
        if not purpose.is_own:
            wrong = say(
                "{purpose} is a trust store: no certificate is made for it.", purpose=purpose
            )
            raise Refused("purpose.wrong", wrong, say("Choose {service}.", service=purpose.service))
        return purpose
