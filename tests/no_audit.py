"""No audit, no action: what every operation that changes something has to hold."""

from collections.abc import Callable

import pytest

from tests.test_urls import state


def assert_no_audit_no_action(
    operation: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an event it changes nothing; with one it does."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("the audit log can't be written")

    before = state()
    with monkeypatch.context() as patched:
        patched.setattr("certificates.models.event.EventQuerySet.record_many", fail)
        with pytest.raises(OSError, match="audit"):
            operation()
    assert state() == before

    operation()
    assert state() != before
