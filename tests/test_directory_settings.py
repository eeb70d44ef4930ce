"""The settings of an LDAP directory: what is refused or told, and what a command finds by them."""

import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ccxsec_project.server_addresses import checked_ldap_url
from certificates.refusal import Refused
from tests.conftest import HttpsClient
from tests.ldap_server import BASE, Directory
from tests.test_directory import directory, said, server, sign_in

__all__ = ["directory", "server"]  # fixtures
pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]


def test_addresses_that_nobody_may_ask_are_not_asked(
    directory: Directory, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CCXSEC_LDAP_URL = "ldaps://169.254.169.254"

    assert "gives no answer" in said(sign_in(HttpsClient(), "ann"))
    assert "169.254.169.254" in caplog.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"CCXSEC_LDAP_BIND_PASSWORD": "another"}, "does not accept CCXSEC_LDAP_BIND_DN"),
        ({"CCXSEC_LDAP_BASE": "dc=elsewhere"}, "noSuchObject"),
        ({"CCXSEC_LDAP_MEMBERS": "(member={dn}"}, "LDAPInvalidFilterError"),
    ],
)
def test_a_wrong_setting_is_told(
    directory: Directory, settings: Settings, changed: dict[str, str], words: str
) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)

    page = said(sign_in(HttpsClient(), "ann"))
    assert words in page
    assert "another" not in page


@pytest.mark.parametrize(
    "url",
    [
        "dc1.example.com",
        "https://dc1",
        "ldaps://",
        "ldap://dc1/dc=x",
        "ldaps://a:0",
        "ldap://a,",
        "ldap://secret@a",
    ],
)
def test_any_other_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        checked_ldap_url(url)

    assert refusal.value.code == "directory.url"
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["", "ldaps://dc1", "ldap://dc1:1389, ldaps://[2001:db8::1]:636/"])
def test_addresses_of_servers(url: str) -> None:
    assert checked_ldap_url(url) == url


def test_a_command_tells_what_the_directory_knows(
    directory: Directory, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("users", "look-up", "bob", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "name": "bob",
        "entry": f"cn=bob,ou=people,{BASE}",
        "groups": ["ccx-security"],
        "here": ["Security administrator"],
        "may_sign_in": "yes, unless the user was switched off here",
    }
    settings.CCXSEC_LDAP_GROUPS = [("ccx-security", "Security administrators")]
    call_command("users", "look-up", "bob")
    told = capsys.readouterr().out
    assert "no: in none of the groups" in told
    assert "Security administrators" in told
    local = User.objects.create_user("Bob")
    call_command("users", "look-up", "bob")
    assert "no: a local user has this name" in capsys.readouterr().out
    local.delete()

    with pytest.raises(CommandError, match="has nobody of the name 'nobody'"):
        call_command("users", "look-up", "nobody")
    settings.CCXSEC_LDAP_BIND_PASSWORD = "another"
    with pytest.raises(CommandError, match="does not accept CCXSEC_LDAP_BIND_DN"):
        call_command("users", "look-up", "bob")
    settings.CCXSEC_LDAP_URL = ""
    with pytest.raises(CommandError, match="No LDAP directory is set"):
        call_command("users", "look-up", "bob")
    assert not User.objects.exists()
