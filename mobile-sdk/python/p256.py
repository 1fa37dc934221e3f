"""ECDSA on P-256, for tests only: slow, and not in constant time."""
import hashlib
import secrets

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def _double(point):
    x, y, z = point
    if not y:
        return (0, 1, 0)
    s = 4 * x * y * y % P
    m = 3 * (x - z * z) * (x + z * z) % P
    x3 = (m * m - 2 * s) % P
    return (x3, (m * (s - x3) - 8 * y**4) % P, 2 * y * z % P)


def _add(a, b):
    if not a[2]:
        return b
    if not b[2]:
        return a
    u1, u2 = a[0] * b[2] ** 2 % P, b[0] * a[2] ** 2 % P
    s1, s2 = a[1] * b[2] ** 3 % P, b[1] * a[2] ** 3 % P
    if u1 == u2:
        return _double(a) if s1 == s2 else (0, 1, 0)
    h, r = u2 - u1, s2 - s1
    x = (r * r - h**3 - 2 * u1 * h * h) % P
    return (x, (r * (u1 * h * h - x) - s1 * h**3) % P, h * a[2] * b[2] % P)


def _times(k):
    result, addend = (0, 1, 0), (*G, 1)
    while k:
        if k & 1:
            result = _add(result, addend)
        addend = _double(addend)
        k >>= 1
    inverse = pow(result[2], -1, P)
    return result[0] * inverse**2 % P, result[1] * inverse**3 % P


def make():
    """A private key."""
    return secrets.randbelow(N - 1) + 1


def public(key):
    """Its x and y, 32 bytes each."""
    return tuple(number.to_bytes(32, "big") for number in _times(key))


def sign(key, message):
    """r and s."""
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    k = make()
    r = _times(k)[0] % N
    s = pow(k, -1, N) * (digest + r * key) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
