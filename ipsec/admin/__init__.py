"""The screens of IPSEC Configuration: one module a screen."""

from ipsec.admin.policy import PolicyAdmin

__all__ = ["PolicyAdmin"]
