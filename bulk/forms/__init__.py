"""What the screens of the exchange ask for: one form a module."""
