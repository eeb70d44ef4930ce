"""How foreign bytes are read and judged; the door is `certificates.x509.reading`."""
