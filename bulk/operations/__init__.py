"""One function an operator's verb: the only writers of state."""
