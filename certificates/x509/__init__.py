"""Pure functions on bytes and `cryptography` objects: no Django, no I/O, no clock of their own."""
