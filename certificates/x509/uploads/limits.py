"""What a file may be at most: every limit of reading, each with its reason beside it.

Sizes are in octets. Real certificates are far below all of them: of 3,695 CA certificates the
largest has 10,432 octets, and a chain has three or four of them.
"""

# A file.
CERTIFICATE_BYTES = 1024 * 1024  # 100 times the largest real certificate; one upload's memory
CHAIN_BYTES = 4 * 1024 * 1024  # 200 certificates of 20 KiB
LINES = 40_000  # 4 MiB of base64 in lines of 64 characters are 65,000, 1 MiB are 16,000
BLANK_RUN = 10_000  # blank characters or dashes in a row: nobody writes them, parsers crawl on them
CERTIFICATES = 200  # in one bundle: all public roots together are fewer

# A certificate.
DEPTH = 40  # levels of nesting: real ones need 13; parsers that call themselves run out of stack
ELEMENTS = 60_000  # of DER in one file: 200 certificates of 300; each costs 8 µs in all
EXTENSIONS = 64  # real ones have up to 17
EXTENSION_BYTES = 64 * 1024  # of one value: room for 500 alternative names of 100 characters
SUBTREES = 1000  # name constraints or policy mappings: the path builder compares each with each
IDENTIFIER_BYTES = 100  # of an object identifier: a UUID arc has 19
SERIAL_BITS = 160  # RFC 5280, 4.1.2.2: up to 20 octets; the sign may need one more in DER
ATTRIBUTES = 32  # in one name: a dozen is much
ATTRIBUTE_CHARACTERS = 1024  # the longest upper bound in use (description, X.520)
ALTERNATIVE_NAMES = 500  # what one TLS handshake still carries
HOST_NAME_CHARACTERS = 253  # RFC 1035, 2.3.4, as text
ADDRESS_CHARACTERS = 2048  # of a URI: what browsers and HTTP libraries take

# A key.
WEAKEST_RSA_BITS = 1024  # below it a desktop computer factors the modulus (RFC 8301, 3.2)
LEGACY_RSA_BITS = 2048  # NIST SP 800-131A Rev. 2, section 3
LARGEST_RSA_BITS = 8192  # a verification costs 1 ms; it grows with the square
LARGEST_EXPONENT_BITS = 64  # FIPS 186-5, A.1.1 allows 256; libraries and hardware stop at 32 or 64
FERMAT_ROUNDS = 100  # CA/Browser Forum Baseline Requirements, 6.1.1.3

# Upper bounds of ITU-T X.520 (RFC 5280, appendix A.1) by attribute, in characters.
UPPER_BOUNDS = {
    "2.5.4.3": 64,  # common name
    "2.5.4.5": 64,  # serial number
    "2.5.4.6": 2,  # country
    "2.5.4.7": 128,  # locality
    "2.5.4.8": 128,  # state or province
    "2.5.4.10": 64,  # organization
    "2.5.4.11": 64,  # organizational unit
    "2.5.4.12": 64,  # title
    "2.5.4.65": 128,  # pseudonym
    "1.2.840.113549.1.9.1": 255,  # e-mail address
}
