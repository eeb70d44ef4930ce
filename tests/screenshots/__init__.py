"""The pictures of the documentation: `python -m tests.screenshots`.

A product of its own is started, filled (`fill`), and worked in a browser (`scenes`); a `camera`
takes the pictures and keeps them small. Nothing in them is real.
"""
