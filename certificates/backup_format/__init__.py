"""The file of a backup: one encrypted stream that any machine can read (docs/backup-format.md).

Pure: bytes in, bytes out. `keys` says who can open it, `header` is its readable beginning,
`chunks` its encrypted body, `lines` what that body carries.
"""
