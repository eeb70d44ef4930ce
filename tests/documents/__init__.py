"""The documentation: its site, the pages that are read from the code, and its pictures."""
