"""Commands by which an operator exchanges certificates with other clusters."""
