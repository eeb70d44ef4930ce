"""What must be true of IPsec policies; the daemon is not asked (`./ccxsec ipsec status` does)."""

from collections.abc import Iterator

from certificates.models import Certificate, Purpose, Secret
from certificates.operations.doctor import Asked
from certificates.refusal import Finding
from certificates.secrets import SealError
from ipsec.models import Policy, key_secret
from ipsec.policy.choices import Authentication, PeerType

PREFIX = key_secret(0).removesuffix("0")


def policy_problems(asked: Asked) -> Iterator[Finding]:
    """Each has its key or its certificate, no key is left over, no trial goes on for ever."""
    keys = set(Secret.objects.filter(name__startswith=PREFIX).values_list("name", flat=True))
    for row in Policy.objects.order_by("pk").iterator(chunk_size=500):
        name = key_secret(row.pk)
        if row.authentication == Authentication.PRESHARED_KEY:
            yield from _key(row, has_key=name in keys)
            keys.discard(name)
        elif row.peer_type == PeerType.DIFFERENT and row.is_enabled:
            yield from _certificate(row)
        if row.trial_until and row.trial_until < asked.overdue:
            wrong = f"The trial of the policy {row} ended at {row.trial_until:%Y-%m-%d %H:%M} UTC"
            cure = "Look whether the worker runs; confirm the policy or disable it."
            yield Finding("policy.trial-over", f"{wrong}, and it is still enabled.", cure)
    for name in sorted(keys):
        yield Finding(
            "policy.key-left",
            f"The sealed pre-shared key {name} belongs to no policy that uses one.",
            "It does no harm; look at the audit log, who changed the policy by hand.",
        )


def _key(row: Policy, *, has_key: bool) -> Iterator[Finding]:
    cure = "Enter the pre-shared key again on the page of the policy, the same as at the peer."
    if not has_key:
        yield Finding("policy.key-missing", f"The policy {row} has no pre-shared key.", cure)
        return
    try:
        row.unsealed_key()
    except (SealError, ValueError):
        wrong = f"The pre-shared key of the policy {row} does not open."
        yield Finding("policy.key-sealed", wrong, cure)


def _certificate(row: Policy) -> Iterator[Finding]:
    trust = Certificate.objects.for_purpose(Purpose.IPSEC_TRUST).active()
    if not trust.filter(node__is_local=True, file_name=row.certificate_name).exists():
        wrong = f"The enabled policy {row} names {row.certificate_name}, which is not there."
        cure = "Upload the peer's certificate as ipsec-trust, or choose another one."
        yield Finding("policy.certificate", wrong, cure)
