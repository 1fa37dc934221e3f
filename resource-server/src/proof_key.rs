//! The key in a DPoP proof: its public half as the proof carries it (RFC 7517), and its thumbprint (RFC 7638).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::claims::present;

/// A JWK as a proof's header has it. A member that stands there twice is refused, like one of the wrong type.
#[derive(Deserialize)]
pub(crate) struct PublicJwk<'a> {
    kty: &'a str,
    #[serde(default, borrow)]
    alg: Option<&'a str>,
    #[serde(default, borrow, rename = "use")]
    usage: Option<&'a str>,
    #[serde(default, borrow)]
    crv: Option<&'a str>,
    #[serde(default, borrow)]
    x: Option<&'a str>,
    #[serde(default, borrow)]
    y: Option<&'a str>,
    #[serde(default, borrow)]
    n: Option<&'a str>,
    #[serde(default, borrow)]
    e: Option<&'a str>,
    // The private members of EC, OKP and RSA keys and the secret of symmetric ones (RFC 7518 section 6).
    #[serde(default, deserialize_with = "present")]
    d: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    p: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    q: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    dp: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    dq: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    qi: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    oth: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    k: Option<IgnoredAny>,
}

impl PublicJwk<'_> {
    /// Whether it holds what must never leave the device (RFC 9449 section 4.3, point 7).
    pub(crate) fn is_private(&self) -> bool {
        [
            self.d, self.p, self.q, self.dp, self.dq, self.qi, self.oth, self.k,
        ]
        .iter()
        .any(Option::is_some)
    }
}

/// A public key for the one algorithm that the proof named.
pub(crate) struct ProofKey {
    material: Material,
    thumbprint: [u8; 32],
}

enum Material {
    /// An uncompressed point (SEC 1 section 2.3.3).
    P256(Box<[u8; 65]>),
    Ed25519([u8; 32]),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl ProofKey {
    /// The key; none if it is not a public key for `alg`.
    pub(crate) fn read(alg: &str, jwk: &PublicJwk<'_>) -> Option<Self> {
        if jwk.usage.is_some_and(|usage| usage != "sig") || jwk.alg.is_some_and(|named| named != alg) {
            return None;
        }
        // The required members in the order of their names, without white space (RFC 7638 section 3). What has been
        // decoded strictly needs no escape, and has no second spelling.
        let (material, canonical) = match (alg, jwk.kty, jwk.crv) {
            ("ES256", "EC", Some("P-256")) => {
                let (x, y) = (jwk.x?, jwk.y?);
                let mut point = [4; 65];
                point[1..33].copy_from_slice(&decode_32(x)?);
                point[33..].copy_from_slice(&decode_32(y)?);
                let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
                (Material::P256(Box::new(point)), canonical)
            }
            ("EdDSA" | "Ed25519", "OKP", Some("Ed25519")) => {
                let x = jwk.x?;
                let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
                (Material::Ed25519(decode_32(x)?), canonical)
            }
            ("PS256", "RSA", _) => {
                let (n, e) = (jwk.n?, jwk.e?);
                let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
                let [n, e] = [decode_number(n)?, decode_number(e)?];
                (Material::Rsa { n, e }, canonical)
            }
            _ => return None,
        };
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest(&SHA256, canonical.as_bytes()).as_ref());
        Some(Self { material, thumbprint })
    }

    pub(crate) fn thumbprint(&self) -> [u8; 32] {
        self.thumbprint
    }

    pub(crate) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::P256(point) => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_slice());
                key.verify(signed, signature).is_ok()
            }
            Material::Ed25519(point) => {
                let key = UnparsedPublicKey::new(&ED25519, point.as_slice());
                key.verify(signed, signature).is_ok()
            }
            Material::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PSS_2048_8192_SHA256, signed, signature).is_ok()
            }
        }
    }
}

fn decode_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (decoded.len() == 32).then_some(bytes)
}

/// Without leading zeros (RFC 7518 section 6.3.1): with them, one key would have many thumbprints.
fn decode_number(text: &str) -> Option<Vec<u8>> {
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    bytes.first().is_some_and(|first| *first != 0).then_some(bytes)
}
