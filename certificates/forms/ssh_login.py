"""The secret with which one signs in over SSH, as an operator types it."""

from django import forms

from certificates.forms.upload import ForgetfulTextarea
from certificates.sentence import say


class SshSecretForm(forms.Form):
    """A password or a private key. They come in, and never go out again."""

    password = forms.CharField(
        label=say("Password"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    private_key = forms.CharField(
        label=say("Or private key"),
        max_length=20_000,
        required=False,
        help_text=say("As ssh-keygen writes it: Ed25519, ECDSA or RSA."),
        widget=ForgetfulTextarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    passphrase = forms.CharField(
        label=say("Pass phrase of the private key"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=say("Only where the key has one; it is not kept."),
    )
