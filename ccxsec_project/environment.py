"""How a setting is read: from the environment, or from `.env`, each with what it may be."""

import re
from collections.abc import Callable, Collection
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from certificates.refusal import Refused

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()


def path(name: str, default: Path) -> Path:
    """A relative one is taken from the folder of the checkout."""
    return BASE_DIR / str(env.str(name, default=str(default)))


environ.Env.read_env(path("CCXSEC_ENV_FILE", BASE_DIR / ".env"))


def secret(name: str) -> str:
    """As it stands: elsewhere a value that begins with `$` names another variable."""
    return str(env.ENVIRON.get(name, ""))


def long_secret(name: str, least: int) -> str:
    """Nothing, or too long to be guessed; it is not shown."""
    text = secret(name)
    if 0 < len(text) < least:
        raise ImproperlyConfigured(
            f"{name} has {len(text)} characters; it needs {least} random ones"
        )
    return text


def integer(name: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
    """Raises ImproperlyConfigured, as all of these."""
    text = str(env.str(name, default=str(default)))
    if not re.fullmatch("[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name} is {text!r}, not a number from {least} to {most}")
    return int(text)


def one_of(name: str, default: str, allowed: Collection[str], example: str) -> str:
    """One of the values `allowed`."""
    text = str(env.str(name, default=default))
    if text not in allowed:
        raise ImproperlyConfigured(f"{name} is {text!r}, not one like {example}")
    return text


def one_like(name: str, default: str, check: Callable[[str], str]) -> str:
    """What `check` lets pass; it raises `Refused`."""
    try:
        return check(str(env.str(name, default=default)))
    except Refused as refused:
        raise ImproperlyConfigured(f"{name}: {str(refused).rstrip('.')}") from None


def pairs(name: str) -> list[tuple[str, str]]:
    """Each `theirs=ours`; theirs may have an equals sign in it."""
    parted = [entry.rpartition("=") for entry in env.list(name, default=[])]
    if any(not theirs.strip() or not ours.strip() for theirs, _, ours in parted):
        raise ImproperlyConfigured(f"{name} is not like staff=Operator,security=Auditor")
    return [(theirs.strip(), ours.strip()) for theirs, _, ours in parted]
