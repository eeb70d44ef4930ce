"""The secret with which one signs in over SSH, as an operator types it."""

from django import forms

from certificates.forms.upload import ForgetfulTextarea


class SshSecretForm(forms.Form):
    """A password or a private key. They come in, and never go out again."""

    password = forms.CharField(
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    private_key = forms.CharField(
        label="Or private key",
        max_length=20_000,
        required=False,
        help_text="As ssh-keygen writes it: Ed25519, ECDSA or RSA.",
        widget=ForgetfulTextarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
    )
    passphrase = forms.CharField(
        label="Pass phrase of the private key",
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Only where the key has one; it is not kept.",
    )
