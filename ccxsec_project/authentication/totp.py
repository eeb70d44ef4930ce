"""Codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds) as every app knows."""

import base64
from urllib.parse import quote

import segno
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.utils.safestring import SafeString, mark_safe

KEY_BYTES, DIGITS, STEP = 20, 6, 30  # the step in seconds
DRIFT = (0, -1, 1)  # steps that the clock of a telephone may be wrong


def matching_step(key: bytes, code: str, *, at: float) -> int | None:
    """Number of the step whose code it is, at the time `at` (seconds of Unix); None: of none."""
    if len(code) != DIGITS or not code.isascii() or not code.isdigit():
        return None
    totp = TOTP(key, DIGITS, SHA1(), STEP)  # noqa: S303 - what the apps know
    now, found = int(at // STEP), None
    for step in (now + drift for drift in DRIFT):
        if bytes_eq(totp.generate(step * STEP), code.encode()) and found is None:
            found = step
    return found


def key_text(key: bytes) -> str:
    """The key in base32, in groups of four, to be typed."""
    text = base64.b32encode(key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def qr_code(key: bytes, *, user: str, host: str) -> SafeString:
    """An SVG picture that an app reads; made of nothing but rectangles, so it is safe."""
    secret = base64.b32encode(key).decode().rstrip("=")
    label = quote(f"ccxsec {host}:{user}", safe="")
    address = f"otpauth://totp/{label}?secret={secret}&issuer={quote(f'ccxsec {host}', safe='')}"
    picture = segno.make(address, error="m", micro=False)
    svg = picture.svg_inline(scale=4, border=4, light="#fff", dark="#000", svgclass="qr-code")
    return mark_safe(svg)  # noqa: S308 - made here  # nosec B703 - made here
