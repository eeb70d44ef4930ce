"""What an administrator sees of how a user signs in."""

from django import template
from django.contrib.auth.models import User
from django.utils import timezone

from ccxsec_project.authentication import lock_out, second_factor

register = template.Library()


@register.simple_tag
def is_locked_out(user: User) -> bool:
    """Whether the name is kept out now."""
    return lock_out.is_locked(user.get_username(), now=timezone.now())


@register.simple_tag
def has_second_factor(user: User) -> bool:
    """Whether more than the password is asked."""
    return second_factor.is_enrolled(user)
