"""Private keys with which one signs in over SSH, as OpenSSH or PEM writes them."""

import contextlib
import io

import paramiko

_KEY_CLASSES: tuple[type[paramiko.PKey], ...] = (
    paramiko.Ed25519Key,
    paramiko.ECDSAKey,
    paramiko.RSAKey,
)


def read_private_key(text: str, passphrase: str = "") -> str:  # nosec B107 - none
    """The same key in OpenSSH's or PEM's form without its pass phrase.

    Raises:
        ValueError: none that can be used; the text says why.
    """
    for kind in _KEY_CLASSES:
        try:
            key = kind.from_private_key(io.StringIO(text), passphrase or None)
        except paramiko.PasswordRequiredException:
            raise ValueError("it is protected by a pass phrase that was not given") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue
        if not passphrase:
            return text
        plain = io.StringIO()
        key.write_private_key(plain)
        return plain.getvalue()
    raise ValueError("it is no Ed25519, ECDSA or RSA key, or its pass phrase is another one")


def loaded(text: str) -> paramiko.PKey:
    """A key without a pass phrase, ready to sign. Raises `ValueError`: it can't be read."""
    for kind in _KEY_CLASSES:
        with contextlib.suppress(paramiko.SSHException, ValueError, IndexError):
            return kind.from_private_key(io.StringIO(text))
    raise ValueError("it is no Ed25519, ECDSA or RSA key without a pass phrase")
