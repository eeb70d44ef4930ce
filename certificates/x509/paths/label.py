"""What a person calls a name: its common name, short and without invisible characters."""

from certificates.x509.name_comparison import COMMON_NAME, attribute_values
from certificates.x509.visible import visible

LONGEST_LABEL = 100  # characters
_LABELS = (
    (COMMON_NAME, "CN"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("0.9.2342.19200300.100.1.25", "DC"),
)


def name_label(name: bytes) -> str:
    """Such as "CN=Sub CA", of a Name in DER; "" where nothing in it is fit to be shown."""
    for oid, label in _LABELS:
        try:
            values = attribute_values(name, oid)
        except ValueError:
            return ""
        if values and values[-1].strip():
            return f"{label}={_short(values[-1])}"
    return ""


def _short(value: str) -> str:
    shown = visible(value[: 2 * LONGEST_LABEL])
    return shown if len(shown) <= LONGEST_LABEL else shown[: LONGEST_LABEL - 1] + "…"
