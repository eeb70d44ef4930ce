"""How to sign in at another server over SSH: address, user and secret, as typed."""

import re
from dataclasses import dataclass, field

from certificates.operations.node import checked_address
from certificates.reach.private_key import read_private_key
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.names import host_name as checked_host_name
from certificates.x509.visible import visible

MAXIMUM_PORT = 65_535
ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,62}\$?")


@dataclass(frozen=True, slots=True)
class SshSecret:
    """A password or a private key; neither: what is kept already stays."""

    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.password or self.private_key)

    def as_dict(self) -> dict[str, str]:
        return {"password": self.password, "private_key": self.private_key}


def checked_host(text: str) -> str:
    """A host name or an address; "" stays. Raises `Refused` san.syntax, address.syntax."""
    text = text.strip()
    if not text or ":" in text or re.fullmatch(r"[0-9.]+", text):
        return checked_address(text) if text else ""
    return checked_host_name(text)


def checked_port(number: int) -> int:
    """A TCP port. Raises `Refused` port."""
    if not 1 <= number <= MAXIMUM_PORT:
        raise Refused(
            "port",
            say("{number} is no port.", number=number),
            say("Choose 1 to {most}.", most=MAXIMUM_PORT),
        )
    return number


def checked_user(text: str) -> str:
    """A user to sign in as. Raises `Refused` reach.user."""
    text = text.strip()
    if not ACCOUNT.fullmatch(text):
        wrong = say("{text} is no user to sign in as.", text=repr(visible(text)[:60]))
        raise Refused("reach.user", wrong, say("Enter the user's name on that server."))
    return text


def checked_secret(password: str, private_key: str, passphrase: str) -> SshSecret:
    """What was typed, a private key without its pass phrase.

    Raises:
        Refused: reach.secret (both were given), reach.key.
    """
    if password and private_key:
        raise Refused(
            "reach.secret", say("Password and private key are both given."), say("Give one.")
        )
    if private_key:
        try:
            private_key = read_private_key(private_key.replace("\r\n", "\n"), passphrase)
        except ValueError as error:
            wrong = say("The private key can't be used: {error}.", error=error)
            raise Refused("reach.key", wrong, say("Give it as ssh-keygen writes it.")) from None
    return SshSecret(password, private_key)
