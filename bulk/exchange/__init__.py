"""The files that clusters exchange: their names, their form, their signatures.

Pure: bytes and values in, bytes and values out (docs/exchange-format.md). Whether a key is trusted
and what an item holds is asked elsewhere.
"""
