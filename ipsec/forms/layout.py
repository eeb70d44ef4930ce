"""In which sections the fields of a policy stand, and which of them belong to one choice alone.

The classes are what the theme goes by: it hides what does not apply to what is chosen.
"""

from crispy_forms.layout import Column, Div, Fieldset, Row
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


def sections() -> list[Fieldset]:
    """The fields in the order in which they are thought about."""
    return [
        Fieldset(_("Identity"), Row(Column("group"), Column("name"))),
        Fieldset(
            _("Authentication"),
            Row(
                Column("authentication"),
                Div("preshared_key", css_class="column for-key"),
                Div("peer_type", css_class="column for-certificate"),
                Div("certificate_name", css_class="column for-different"),
            ),
        ),
        Fieldset(
            _("Endpoints"),
            Row(Column("source_address"), Column("destination_address"), Column("remote_port")),
        ),
        Fieldset(
            _("Traffic"),
            Row(
                Column("protocol"),
                Column("source_port"),
                Column("destination_port"),
                Column("mode"),
            ),
        ),
        Fieldset(
            _("Phase one: the two hosts agree on keys (IKE)"),
            Row(Column("ike_version"), Column("encryption"), Column("hash")),
            Row(Column("phase_one_dh"), Column("phase_one_life_time")),
        ),
        Fieldset(
            _("Phase two: the packets are protected (ESP)"),
            Row(Column("esp"), Column("phase_two_dh"), Column("phase_two_life_time")),
        ),
        Fieldset(
            pgettext_lazy("a section of a form", "In force"),
            Row(Column("is_enabled"), Div("trial_minutes", css_class="column for-enabled")),
        ),
    ]
