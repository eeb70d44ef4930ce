"""New private keys."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certificates.x509.policy import KeyChoice

PrivateKeyTypes = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_CURVES: dict[KeyChoice, ec.EllipticCurve] = {
    KeyChoice.EC_P256: ec.SECP256R1(),
    KeyChoice.EC_P384: ec.SECP384R1(),
    KeyChoice.EC_P521: ec.SECP521R1(),
}


def new_key(choice: KeyChoice) -> PrivateKeyTypes:
    """A fresh key; RSA 4096 takes about a second, so never call it under a lock."""
    if choice.is_rsa:
        return rsa.generate_private_key(public_exponent=65537, key_size=choice.bits)
    return ec.generate_private_key(_CURVES[choice])
