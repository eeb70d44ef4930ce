"""Which key an operator may have made, here and now."""

from collections.abc import Collection

from django.conf import settings

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.policy import KEY_LENGTHS, KeyChoice

LEGACY = "confirm.legacy"  # the code of the refusal that asks whether a weak key is meant


def chosen_key(
    key: KeyChoice | str, confirmed: Collection[str], *, rsa_only: bool = False
) -> KeyChoice:
    """The choice that `key` names.

    Args:
        confirmed: codes of the warnings that the operator has confirmed.
        rsa_only: a request for a CA, which must sign with RSA (CM-16, CM-20).

    Raises:
        Refused: key.size, key.legacy, confirm.legacy.
    """
    lengths = ", ".join(map(str, KEY_LENGTHS))
    try:
        choice = KeyChoice(key)
    except ValueError:
        kind, _, size = str(key)[:40].partition("-")
        wrong = say("Keys of the kind {kind} are not made here.", kind=f"{key!r:.40}")
        if kind == "rsa":
            wrong = say("RSA keys of {size} bits are not made here.", size=size)
        cure = say("Choose RSA with {lengths} bits, or EC P-256, P-384, P-521.", lengths=lengths)
        raise Refused("key.size", wrong, cure) from None
    if rsa_only and not choice.is_rsa:
        wrong = say("{choice}: a signing request is made for RSA keys only.", choice=choice.label)
        raise Refused("key.size", wrong, say("Choose RSA with {lengths} bits.", lengths=lengths))
    if choice.is_legacy and not settings.CCXSEC_ALLOW_LEGACY:
        wrong = say("{choice} is forbidden here (CCXSEC_ALLOW_LEGACY=false).", choice=choice.label)
        raise Refused("key.legacy", wrong, say("Choose RSA with 2048 bits or more."))
    if choice.is_legacy and LEGACY not in confirmed:
        wrong = say(
            "{choice}: such a key can be broken, and many clients refuse it.", choice=choice.label
        )
        raise Refused(LEGACY, wrong, say("Choose a longer key, or confirm that you want this one."))
    return choice
