"""What the other side must be set to, in the languages of its products; and what it says back.

Pure: definitions in, text out, and the reverse (docs/ipsec-peer.md, docs/ipsec-export-format.md).
"""
