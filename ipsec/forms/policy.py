"""The form of IPSEC Policy Configuration: every field of the manual's Table 2 (IP-2)."""

from collections.abc import Mapping
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout
from django import forms
from django.conf import settings

from certificates.models import Certificate, Purpose
from certificates.refusal import Refused
from certificates.sentence import say, together
from ipsec.forms.choices import ChoiceOf
from ipsec.forms.layout import sections
from ipsec.forms.texts import AddressField, PortField, SecondsField
from ipsec.models import Policy
from ipsec.operations import PolicyRefused, examine, warnings
from ipsec.operations.examine import LEGACY, OVERLAP, only_disables
from ipsec.operations.save import TRIAL_MINUTES
from ipsec.policy.choices import (
    PHASE_ONE_GROUPS,
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    Mode,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import FIELD_LABELS, Definition
from ipsec.policy.profiles import PROFILES, ProfileName
from ipsec.policy.rules import NAME_FIELDS, Fault, key_fault, name_fault

MOST_CERTIFICATES = 1_000  # of the trust store, in one select
PAIR = "policy.pair"
_KEPT = say("A key is kept, sealed; it is never shown. Empty: it stays.")
_NEW = say(
    "8 to 128 letters, digits and hyphens, the same at the peer. It is sealed and never shown."
)
_CONFIRMS = {LEGACY: "confirm_legacy", OVERLAP: "confirm_overlap"}
_FIELD_OF = {"policy.changed": None, "policy.trial": "trial_minutes"}


def _label(name: str) -> str:
    return FIELD_LABELS[name]


def _missing(name: str) -> str:
    return say("{name} (not in the store)", name=name)


class PolicyForm(forms.Form):
    """Add or change a policy. The pre-shared key comes in, and never goes out again."""

    group = forms.CharField(
        label=_label("group"),
        required=False,
        max_length=200,
        help_text=say("Letters, digits and hyphens, up to 64; policies of one purpose share it."),
    )
    name = forms.CharField(
        label=_label("name"),
        required=False,
        max_length=200,
        help_text=say("Letters, digits and hyphens, up to 64; once in its group."),
    )
    authentication = ChoiceOf(
        Authentication,
        label=_label("authentication"),
        help_text=say("How the two hosts prove who they are."),
    )
    preshared_key = forms.CharField(
        label=say("Preshared Key"),
        required=False,
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_NEW,
    )
    peer_type = ChoiceOf(
        PeerType,
        label=_label("peer_type"),
        optional=True,
        help_text=say(
            "Same: whoever the ipsec-trust store vouches for. Different: one certificate."
        ),
    )
    certificate_name = forms.CharField(
        label=_label("certificate_name"),
        required=False,
        max_length=160,
        widget=forms.Select,
        help_text=say("The peer's, of the ipsec-trust store; only with the Peer Type Different."),
    )
    source_address = AddressField(
        label=_label("source_address"),
        help_text=say("Of this server: IPv4, IPv6 or a fully qualified host name."),
    )
    destination_address = AddressField(
        label=_label("destination_address"),
        help_text=say("Of the peer: IPv4, IPv6 or a fully qualified host name."),
    )
    remote_port = PortField(
        label=_label("remote_port"),
        any_allowed=False,
        help_text=say("UDP port of the peer's IKE daemon, nearly always 500."),
    )
    protocol = ChoiceOf(
        Protocol,
        label=_label("protocol"),
        help_text=say("The traffic that is protected; the rest is left as it is."),
    )
    source_port = PortField(label=_label("source_port"), help_text=say("1 to 65535, or Any."))
    destination_port = PortField(
        label=_label("destination_port"), help_text=say("1 to 65535, or Any.")
    )
    mode = ChoiceOf(Mode, label=_label("mode"), help_text=say("Between two hosts: Transport."))
    ike_version = ChoiceOf(
        IkeVersion,
        label=_label("ike_version"),
        help_text=say("IKEv2, unless the peer knows IKEv1 alone."),
    )
    encryption = ChoiceOf(
        Encryption, label=_label("encryption"), help_text=say("Protects the negotiation itself.")
    )
    hash = ChoiceOf(
        Hash,
        label=_label("hash"),
        help_text=say("Also the integrity of phase two, unless its cipher is GCM or Poly1305."),
    )
    phase_one_dh = ChoiceOf(
        DhGroup,
        PHASE_ONE_GROUPS,
        label=_label("phase_one_dh"),
        help_text=say("Diffie-Hellman group of the key exchange."),
    )
    phase_one_life_time = SecondsField(
        label=_label("phase_one_life_time"), help_text=say("Seconds, 60 to 2,147,483.")
    )
    esp = ChoiceOf(Esp, label=_label("esp"), help_text=say("Protects the packets."))
    phase_two_dh = ChoiceOf(
        DhGroup,
        label=_label("phase_two_dh"),
        help_text=say("Off: no exchange of its own, so no perfect forward secrecy."),
    )
    phase_two_life_time = SecondsField(
        label=_label("phase_two_life_time"), help_text=say("Seconds, 60 to 2,147,483.")
    )
    is_enabled = forms.BooleanField(
        label=say("Enable Policy"),
        required=False,
        help_text=say("In force with Save. Until the peer follows, its traffic is blocked."),
    )
    trial_minutes = forms.IntegerField(
        label=say("Enable on trial, for minutes"),
        required=False,
        min_value=TRIAL_MINUTES[0],
        max_value=TRIAL_MINUTES[-1],
        help_text=say(
            "A way back: it is disabled by itself unless somebody confirms it."
            " Empty: no trial; one that runs goes on until somebody confirms it."
        ),
    )
    with_pair = forms.BooleanField(
        label=say("Set the other policies of these two hosts likewise"), required=False
    )
    confirm_legacy = forms.BooleanField(
        label=say("I want the choices that are marked as legacy"),
        required=False,
        help_text=say(
            "They are weak by today's measure: such traffic can be read or forged by who"
            " tries hard."
        ),
    )
    confirm_overlap = forms.BooleanField(label=say("I want it so"), required=False)
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        policy: Policy | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
        may_change: bool = True,
    ) -> None:
        self.policy, self.faults = policy, list[Fault]()
        self.confirmable: dict[str, str] = {}
        start = dict(initial or {})
        if policy is not None:
            kept = {name: getattr(policy.definition, name) for name in FIELD_LABELS}
            rest = {"is_enabled": policy.is_enabled, "revision": policy.revision}
            start = kept | rest | start
        super().__init__(data, initial=start)
        self._offer()
        for field in self.fields.values():
            field.disabled = not may_change
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(*sections())

    def _offer(self) -> None:
        """What the selects hold, by the setting and by the trust store."""
        for name, field in self.fields.items():
            if isinstance(field, ChoiceOf):
                kept = getattr(self.policy.definition, name) if self.policy else None
                field.offer(allow_legacy=settings.CCXSEC_ALLOW_LEGACY, kept=kept)
        if self.policy and self.policy.key_mark:
            self.fields["preshared_key"].help_text = together(_KEPT, _NEW)
        trusted = Certificate.objects.filter(node__is_local=True).for_purpose(Purpose.IPSEC_TRUST)
        names = trusted.order_by("file_name").values_list("file_name", flat=True)
        listed = [(name, name) for name in names[:MOST_CERTIFICATES]]
        chosen = str(self["certificate_name"].value() or "")
        if chosen and (chosen, chosen) not in listed:
            is_there = trusted.filter(file_name=chosen).exists()  # beyond the first of them
            listed.append((chosen, chosen if is_there else _missing(chosen)))
        select: Any = self.fields["certificate_name"].widget
        select.choices = [
            ("", "—" if listed else say("— the ipsec-trust store is empty —")),
            *listed,
        ]

    def clean(self) -> dict[str, Any]:
        """All faults of the policy, each at its field."""
        data = super().clean() or self.cleaned_data
        if not self.errors and only_disables(
            self.definition(),
            self.policy,
            preshared_key=data["preshared_key"],
            enabled=data["is_enabled"],
        ):
            return data
        if not self.errors:
            self.faults = examine(
                self.definition(),
                preshared_key=data["preshared_key"],
                policy=self.policy,
                with_pair=data["with_pair"],
            )
            self._show(self.faults)
        else:  # there is no whole policy to examine; what stands for itself is told at once
            texts = {field: data[field] for field in NAME_FIELDS if field in data}
            found = [name_fault(field, text) for field, text in texts.items()]
            found.append(
                key_fault(data.get("preshared_key", "")) if data.get("preshared_key") else None
            )
            self._show([fault for fault in found if fault])
        if not self.errors:
            self._ask(warnings(self.definition(), self.policy))
        return data

    def _ask(self, told: Mapping[str, str]) -> None:
        self.confirmable = dict(told)
        for code, sentence in told.items():
            if not self.cleaned_data.get(_CONFIRMS[code]):
                self.add_error(
                    _CONFIRMS[code],
                    together(sentence, say("Choose otherwise, or confirm it here.")),
                )

    def _show(self, faults: list[Fault]) -> None:
        for fault in faults:
            self.add_error(fault.field if fault.field in self.fields else None, str(fault))

    def refuse(self, refused: Refused) -> None:
        """Show a refusal of the operation, where it belongs."""
        if isinstance(refused, PolicyRefused):
            self.faults = list(refused.faults)
            self._show(self.faults)
            return
        field = _CONFIRMS.get(refused.code) or _FIELD_OF.get(refused.code)
        self.add_error(field, str(refused))

    def definition(self) -> Definition:
        """What was entered."""
        data = dict(self.cleaned_data)
        data["peer_type"] = data["peer_type"] or PeerType.SAME
        return Definition(**{name: data[name] for name in FIELD_LABELS})

    @property
    def confirmed(self) -> list[str]:
        """Codes of the warnings that the operator has confirmed."""
        return [code for code, name in _CONFIRMS.items() if self.cleaned_data.get(name)]

    @property
    def questions(self) -> list[Any]:
        """Check boxes that are asked below the fields, each when it is needed.

        That of legacy is always there: the page shows it as soon as one is chosen.
        """
        asked = [self["confirm_legacy"]]
        if self["confirm_overlap"].errors or self["confirm_overlap"].value():
            asked.append(self["confirm_overlap"])
        disagrees = any(fault.code == PAIR for fault in self.faults)
        if disagrees or self["with_pair"].value():
            asked.append(self["with_pair"])
        return asked

    @staticmethod
    def profiles() -> dict[str, dict[str, Any]]:
        """Label, purpose and values of each profile that may be used here."""
        allowed = settings.CCXSEC_ALLOW_LEGACY
        return {
            name.value: {
                "label": profile.label,
                "about": profile.about,
                "fields": {
                    key: str(int(v) if isinstance(v, int) else v)
                    for key, v in profile.fields.items()
                },
            }
            for name, profile in PROFILES.items()
            if allowed or not any(getattr(v, "is_legacy", False) for v in profile.fields.values())
        }

    @staticmethod
    def of_profile(text: str) -> dict[str, Any]:
        """The values of a profile; none for an unknown name, or one that is forbidden here."""
        is_usable = text in PolicyForm.profiles()
        return dict(PROFILES[ProfileName(text)].fields) if is_usable else {}
