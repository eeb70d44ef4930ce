"""What an administrator sees of how a user signs in."""

from django import template
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from ccxsec_project.authentication import lock_out, second_factor
from ccxsec_project.authentication.accounts import belongs_to, directory

register = template.Library()


@register.simple_tag
def is_locked_out(user: User) -> bool:
    """Whether the name is kept out now."""
    return lock_out.is_locked(user.get_username(), now=timezone.now())


@register.simple_tag
def has_second_factor(user: User) -> bool:
    """Whether more than the password is asked."""
    return second_factor.is_enrolled(user)


@register.simple_tag
def is_of_directory(user: User) -> bool:
    """Whether the LDAP directory knows the password and sets the groups."""
    return belongs_to(user, directory())


@register.simple_tag
def is_of_provider(user: User) -> bool:
    """Whether the OpenID provider does."""
    return belongs_to(user, settings.CCXSEC_OIDC_ISSUER)
