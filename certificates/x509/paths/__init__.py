"""How a certification path is found and judged; the door is `certificates.x509.chain`."""
