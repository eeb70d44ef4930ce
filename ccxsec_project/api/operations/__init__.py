"""One function an operator's verb: the only writers of tokens."""

from ccxsec_project.api.operations.tokens import Made, add_token, note_use, revoke_token

__all__ = ["Made", "add_token", "note_use", "revoke_token"]
