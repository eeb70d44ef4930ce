"""Everything that is wrong with a policy before it is saved: by itself, and beside the others."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from django.conf import settings

from certificates.refusal import Refused
from certificates.sentence import say, together
from ipsec.models import Policy
from ipsec.operations.wanted import Stores
from ipsec.policy.choices import Authentication, PeerType
from ipsec.policy.definition import FIELD_LABELS, SHARED_FIELDS, Definition
from ipsec.policy.pair import Overlap, overlaps, pair_faults
from ipsec.policy.rules import Fault, faults, key_fault, legacy_choices

LEGACY = "confirm.legacy"
OVERLAP = "confirm.overlap"


class PolicyRefused(Refused):
    """Several fields may be wrong; `faults` names each, the sentence tells all of them."""

    def __init__(self, found: Sequence[Fault], *, of: str = "") -> None:
        first, *rest = found
        text = together(*map(str, rest), first.sentence)
        if of:
            text = say("{policy}: {faults}", policy=of, faults=text)
        super().__init__(first.code, text, first.cure)
        self.faults = tuple(found)


def examine(
    definition: Definition,
    *,
    preshared_key: str = "",
    policy: Policy | None = None,
    with_pair: bool = False,
) -> list[Fault]:
    """All faults of a definition; none: it may be saved.

    Args:
        preshared_key: a new one; "": the one that is kept, or that of the pair's other policies.
        policy: that is to be changed; None: a new one.
        with_pair: the pair's other policies are to follow in what they share.
    """
    found = faults(definition, allow_legacy=settings.CCXSEC_ALLOW_LEGACY)
    others = others_of(definition, policy)
    theirs = [other.definition for other in others]
    if with_pair:
        theirs = [following(definition, other) for other in theirs]
        for other in theirs:
            found += [
                _of_other(other, fault)
                for fault in faults(other, allow_legacy=settings.CCXSEC_ALLOW_LEGACY)
                if fault not in found and fault.field in SHARED_FIELDS
            ]
    found += pair_faults(definition, theirs)
    taken = Policy.objects.filter(group=definition.group, name=definition.name)
    if policy is not None:
        taken = taken.exclude(pk=policy.pk)
    if taken.exists() and not any(fault.code == "policy.taken" for fault in found):
        wrong = say("There is a policy {policy} already.", policy=definition)
        cure = say("Choose another name, or change it.")
        found.append(Fault("name", "policy.taken", wrong, cure))
    if definition.authentication is Authentication.PRESHARED_KEY:
        found += _key_faults(preshared_key, policy, others, with_pair=with_pair)
    elif preshared_key:
        wrong = say("A pre-shared key does not apply to authentication by certificate.")
        found.append(Fault("preshared_key", "policy.key", wrong, say("Leave it empty.")))
    found += _certificate_faults(definition, Stores())
    return found


def _of_other(other: Definition, fault: Fault) -> Fault:
    """A fault of another policy of the pair, told with its name."""
    told = say("{policy}: {fault}", policy=other, fault=fault.sentence)
    return Fault(fault.field, fault.code, told, fault.cure)


def examine_kept(policies: Iterable[Policy]) -> Iterator[tuple[Policy, list[Fault]]]:
    """What has become wrong with policies since they were saved; those without faults left out.

    A setting may forbid their choices by now, a certificate may be gone. Each pair agreed when
    they were saved, and asking that again would cost several queries for each of thousands.
    """
    stores = Stores()
    for row in policies:
        definition = row.definition
        found = faults(definition, allow_legacy=settings.CCXSEC_ALLOW_LEGACY)
        if definition.authentication is Authentication.PRESHARED_KEY and not row.key_mark:
            wrong = say("The pre-shared key is missing.")
            found.append(Fault("preshared_key", "policy.key", wrong, say("Set one.")))
        found += _certificate_faults(definition, stores)
        if found:
            yield row, found


def only_disables(
    definition: Definition, policy: Policy | None, *, preshared_key: str, enabled: bool | None
) -> bool:
    """Whether nothing is asked but to end what is in force, which is never forbidden.

    By now a setting may forbid what the policy says, or its certificate may be gone.
    """
    is_same = policy is not None and policy.definition == definition and not preshared_key
    return is_same and enabled is False


def others_of(definition: Definition, policy: Policy | None) -> list[Policy]:
    """The other policies of the same two hosts."""
    others = Policy.objects.of_pair(definition).in_list_order()
    return list(others.exclude(pk=policy.pk) if policy and policy.pk else others)


def following(definition: Definition, other: Definition) -> Definition:
    """`other` with all that a pair shares taken over from `definition`."""
    return replace(other, **{field: getattr(definition, field) for field in SHARED_FIELDS})


def warnings(definition: Definition, policy: Policy | None = None) -> dict[str, str]:
    """What has to be confirmed, by the code of its confirmation: weak choices, overlaps.

    Args:
        policy: that is to be changed; what it has already was confirmed then.
    """
    told: dict[str, str] = {}
    former = policy.definition if policy else None
    weak = legacy_choices(definition)
    if former:
        weak = [choice for choice in weak if choice not in legacy_choices(former)]
    if weak:
        told[LEGACY] = say(
            "Legacy: {choices}. Such traffic can be read or forged by who tries hard.",
            choices=named_choices(weak),
        )
    others = [other.definition for other in others_of(definition, policy)]
    touched = [str(one) for one in overlaps(definition, others)]
    if former and former.pair == definition.pair:
        known = {str(one) for one in overlaps(former, others)}
        touched = [one for one in touched if one not in known]
    if touched:
        told[OVERLAP] = together(*touched)
    return told


def named_choices(chosen: Sequence[tuple[str, str]]) -> str:
    """Such as "Hash Algorithm MD5, Phase One DH 2 (MODP 1024)", of fields and their choices."""
    (field, choice), *others = chosen
    told = say("{label} {choice}", label=FIELD_LABELS[field], choice=choice)
    for field, choice in others:
        told = say(
            "{choices}, {label} {choice}",
            choices=told,
            label=FIELD_LABELS[field],
            choice=choice,
        )
    return told


def overlaps_of(definition: Definition, policy: Policy | None = None) -> list[Overlap]:
    """The other policies of the pair whose traffic this one touches."""
    return overlaps(definition, [other.definition for other in others_of(definition, policy)])


def refuse_unconfirmed(told: dict[str, str], confirmed: Collection[str]) -> None:
    """Raises `Refused` confirm.legacy or confirm.overlap."""
    if LEGACY in told and LEGACY not in confirmed:
        raise Refused(
            LEGACY, told[LEGACY], say("Choose stronger ones, or confirm that you want these.")
        )
    if OVERLAP in told and OVERLAP not in confirmed:
        raise Refused(OVERLAP, told[OVERLAP], say("Narrow one, or confirm that you want it so."))


def _key_faults(
    key: str, policy: Policy | None, others: Sequence[Policy], *, with_pair: bool
) -> list[Fault]:
    fault = key_fault(key) if key else None
    if fault:
        return [fault]
    holders = [other for other in others if other.key_mark]
    if not key and not holders and not (policy and policy.key_mark):
        wrong = say("The pre-shared key is missing.")
        cure = say("Write 8 to 128 letters, digits and hyphens; the peer must have the same.")
        return [Fault("preshared_key", "policy.key", wrong, cure)]
    if with_pair:
        return []
    wanted = key or (policy.unsealed_key() if policy and policy.key_mark else "")
    # Policies with one mark have one key: each is opened once.
    for other in {other.key_mark: other for other in reversed(holders)}.values():
        if wanted and other.unsealed_key() != wanted:
            wrong = say(
                "The pre-shared key differs from that of {other}, which is for the "
                "same two hosts: they share phase one and authentication.",
                other=other,
            )
            cure = say(
                "Write the same key, leave it empty in a new policy, or change all together."
            )
            return [Fault("preshared_key", "policy.pair", wrong, cure)]
    return []


def _certificate_faults(definition: Definition, stores: Stores) -> list[Fault]:
    if definition.peer_type is not PeerType.DIFFERENT or not definition.certificate_name:
        return []
    try:
        stores.named(definition.certificate_name)
    except Refused as refused:
        return [Fault("certificate_name", refused.code, refused.sentence, refused.cure)]
    return []
