"""What an archive may be at most, each with its reason; sizes are in bytes.

Whoever may write into the shared directory can put anything there: a limit is asked before the
memory is taken.
"""

MIB = 1024 * 1024

# An export. A certificate in PEM has 1 to 4 KiB, and half of that is packed away.
EXPORT_PACKED = 32 * MIB
EXPORT_UNPACKED = 64 * MIB
ITEMS = 20_000  # four times what the largest cluster that was measured has
ITEM = 64 * 1024  # the largest real certificate has 14 KiB in PEM
MANIFEST = 8 * MIB  # 20,000 items of 10 nodes each
MANIFEST_VALUES = 500_000  # values in its JSON: a value of three bytes costs up to 200 in memory
SIGNERS = 2  # the keys of tomcat and ipsec
SIGNATURE = 4096  # RSA of 16,384 bits makes 2,048

# A consolidated file.
CONSOLIDATED = 128 * MIB
EXPORTS = 500
KEPT = 192 * MIB  # what all items together take in memory, where they are read at once

# Values.
NODES = 100  # of one cluster
TEXT = 253  # characters of a name: a host name has no more (RFC 1035, 2.3.4)

# A PKCS#12 of a foreign system.
PKCS12 = MIB
