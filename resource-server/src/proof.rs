//! DPoP proofs (RFC 9449 section 4): a request proves the key that its token is, or will be, bound to.
//!
//! Every check of section 4.3, in order, as one pure function. The authorization server calls it too, so there is no
//! other one.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use base64ct::{Base64UrlUnpadded, Encoding};
use http::HeaderMap;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::claims::present;
use crate::proof_key::{ProofKey, PublicJwk};
use crate::proof_url::same_url;

/// The algorithms that a proof may be signed with: `dpop_signing_alg_values_supported` (RFC 9449 section 5.1).
///
/// What FAPI 2.0 allows (section 5.4.1), under the old and the new name of Ed25519 (RFC 9864). RS256 is not among
/// them: no platform that can make a key for DPoP has nothing better.
pub const PROOF_ALGORITHMS: [&str; 4] = ["ES256", "PS256", "EdDSA", "Ed25519"];

/// How far `iat` may be from now where no nonce says when the proof was made, in seconds.
pub const PROOF_LEEWAY: u64 = 10;

/// How old a nonce may be beside which `iat` still counts, in seconds. For as long a [`ReplayMemory`](crate::ReplayMemory)
/// remembers proofs whose `iat` is ahead of the clock.
pub const OLD_NONCE: u64 = 3600;

/// A proof as a request presented it: exactly one header, not too long; nothing of it is verified.
#[derive(Clone, Copy)]
pub struct PresentedProof<'a>(&'a str);

impl<'a> PresentedProof<'a> {
    /// Reads the request's one `DPoP` header; none if it has none.
    pub fn from_headers(headers: &'a HeaderMap) -> Result<Option<Self>, ProofError> {
        let mut sent = headers.get_all(HEADER).iter();
        match (sent.next(), sent.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => Self::from_bytes(value.as_bytes()).map(Some),
            (Some(_), Some(_)) => Err(ProofError::Several),
        }
    }

    /// A proof that was received in another way: the bytes of the header's value.
    pub fn from_bytes(value: &'a [u8]) -> Result<Self, ProofError> {
        if value.len() > MAX_PROOF_BYTES {
            return Err(ProofError::TooLong);
        }
        let text = std::str::from_utf8(value).map_err(|_| ProofError::Malformed)?;
        Ok(Self(text))
    }
}

/// The request that a proof must be made for.
#[derive(Clone, Copy, Debug)]
pub struct ProvedRequest<'a> {
    /// Its method; compared exactly (RFC 9110 section 9.1).
    pub method: &'a str,
    /// Its URL as its sender knows it. Query and fragment do not count.
    pub url: &'a str,
    /// The digest of the access token that it presents ([`Presented::ath`](crate::Presented::ath)); none where it
    /// presents none, as at a token endpoint.
    pub ath: Option<&'a str>,
}

/// How it is told when a proof was made.
#[derive(Clone, Copy)]
pub enum ProofTime<'a> {
    /// By its `iat`, which is at most [`PROOF_LEEWAY`] from now. A nonce is not looked at.
    Iat,
    /// By its nonce, of which the function says when it was issued. With a good one `iat` may be anything, so that a
    /// device with a wrong clock is served. With none, or an old one, `iat` counts, and where that is wrong a nonce is
    /// asked for (RFC 9449 section 8).
    NonceOrIat(&'a dyn Fn(&str) -> NonceTime),
}

/// What a nonce says of when it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceTime {
    /// At this time, in seconds since 1970: it is good.
    At(u64),
    /// Too long ago to be good, and at most [`OLD_NONCE`]: whoever slept with it and has a right clock is believed.
    Old,
    /// Before that, or by somebody else. `iat` does not count beside it: a proof that a fast clock made, and that was
    /// used with this nonce when it was good, would be good once more when that time has come.
    Unknown,
}

/// What a proof that has passed every check says. Only this crate makes one.
///
/// Whether it was used before is not told: that is what a [`ReplayMemory`](crate::ReplayMemory) knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// The SHA-256 thumbprint of the key that signed it (RFC 7638).
    pub thumbprint: [u8; 32],
    /// Its own id.
    pub jti: String,
    /// When it was made, in seconds since 1970: the issue time of the nonce in it, else its `iat`.
    pub made_at: u64,
    /// What the clock said that made it, in seconds since 1970, right or wrong.
    pub iat: u64,
}

impl Proof {
    /// The thumbprint as it stands in a token's `cnf` (RFC 9449 section 6.1).
    pub fn jkt(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.thumbprint)
    }
}

/// Why a proof is refused. The text of each is what the sender is told; none of it is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// There is none.
    #[error("a DPoP proof is needed")]
    Missing,
    /// More than one DPoP header.
    #[error("more than one DPoP header")]
    Several,
    /// Longer than any proof is.
    #[error("the DPoP proof is longer than {MAX_PROOF_BYTES} bytes")]
    TooLong,
    /// Not a signed JWT, or a claim is missing, doubled or of the wrong type.
    #[error("the DPoP proof is malformed, or has not all of typ, alg, jwk, jti, htm, htu and iat")]
    Malformed,
    /// `typ` is not `dpop+jwt`: another kind of token.
    #[error("typ of the DPoP proof is not dpop+jwt")]
    WrongType,
    /// The header demands an extension (`crit`); none is understood.
    #[error("the DPoP proof demands an extension that is not understood")]
    CriticalHeader,
    /// `alg` is symmetric, `none`, or none of [`PROOF_ALGORITHMS`].
    #[error("the DPoP proof is not signed with ES256, PS256 or Ed25519")]
    WrongAlgorithm,
    /// `jwk` has a private part, which must never leave the device.
    #[error("jwk of the DPoP proof holds a private key")]
    PrivateKey,
    /// `jwk` is not a public key of the algorithm.
    #[error("jwk of the DPoP proof is not a public key for its alg")]
    WrongKey,
    /// Not signed by the key in it, or changed since.
    #[error("the signature of the DPoP proof is wrong")]
    BadSignature,
    /// `htm` is another method.
    #[error("htm of the DPoP proof is another method than the request's")]
    WrongMethod,
    /// `htu` is another URL.
    #[error("htu of the DPoP proof is another URL than the request's")]
    WrongUrl,
    /// `ath` is missing or belongs to another token.
    #[error("ath of the DPoP proof is not the SHA-256 of the access token")]
    WrongToken,
    /// `iat` is too far from our clock, and nonces are not given here.
    #[error("iat of the DPoP proof is too far from this server's clock")]
    WrongTime,
    /// `iat` is too far from our clock, and no valid nonce says when the proof was made.
    #[error("make a new DPoP proof with the nonce that is in the DPoP-Nonce header")]
    NonceNeeded,
    /// Used before.
    #[error("the DPoP proof was used before: make a new one for each request")]
    Replayed,
}

impl ProofError {
    /// The error code: `use_dpop_nonce` (RFC 9449 sections 8 and 9) or `invalid_dpop_proof` (section 5).
    pub fn code(self) -> &'static str {
        match self {
            Self::NonceNeeded => "use_dpop_nonce",
            _ => "invalid_dpop_proof",
        }
    }
}

/// Checks a presented proof, at `now` (seconds since 1970), in everything but whether it was used before.
pub fn check_proof(
    presented: &PresentedProof<'_>,
    request: &ProvedRequest<'_>,
    now: u64,
    time: ProofTime<'_>,
) -> Result<Proof, ProofError> {
    let (signed, signature) = presented.0.rsplit_once('.').ok_or(ProofError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(ProofError::Malformed)?;
    let header = decode(header)?;
    let key = read_key(&parse(&header)?)?;
    if !key.verifies(signed.as_bytes(), &decode(signature)?) {
        return Err(ProofError::BadSignature);
    }
    let claims = decode(claims)?;
    let claims: Claims<'_> = parse(&claims)?;
    check_request(&claims, request)?;
    Ok(Proof {
        thumbprint: key.thumbprint(),
        made_at: made_at(&claims, now, time)?,
        iat: claims.iat,
        jti: claims.jti.into_owned(),
    })
}

/// The SHA-256 of an access token, as it stands in the `ath` of a proof (RFC 9449 section 4.2).
pub(crate) fn ath(token: &str) -> String {
    Base64UrlUnpadded::encode_string(digest(&SHA256, token.as_bytes()).as_ref())
}

/// What we read of the header. `kid`, `jku`, `x5c` and `x5u` are not here: the key is the one in `jwk`.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    jwk: PublicJwk<'a>,
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

/// `nbf`, `exp` and whatever else is there have no meaning in a proof.
#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    htm: Cow<'a, str>,
    #[serde(borrow)]
    htu: Cow<'a, str>,
    iat: u64,
    #[serde(default, deserialize_with = "present")]
    ath: Option<String>,
    #[serde(default, deserialize_with = "present")]
    nonce: Option<String>,
}

fn read_key(header: &Header<'_>) -> Result<ProofKey, ProofError> {
    // Keeps every other JWT out, also those that we sign ourselves (RFC 8725 section 3.11).
    if !TYPES.iter().any(|typ| header.typ.eq_ignore_ascii_case(typ)) {
        return Err(ProofError::WrongType);
    }
    // We understand no extension, so one that must be understood refuses the proof (RFC 7515 section 4.1.11).
    if header.crit.is_some() {
        return Err(ProofError::CriticalHeader);
    }
    // Before the key: a symmetric one has no public half, and its text would be read as a secret.
    if !PROOF_ALGORITHMS.contains(&header.alg.as_ref()) {
        return Err(ProofError::WrongAlgorithm);
    }
    if header.jwk.is_private() {
        return Err(ProofError::PrivateKey);
    }
    ProofKey::read(&header.alg, &header.jwk).ok_or(ProofError::WrongKey)
}

fn check_request(claims: &Claims<'_>, request: &ProvedRequest<'_>) -> Result<(), ProofError> {
    if claims.jti.is_empty() || claims.jti.len() > MAX_JTI_BYTES {
        return Err(ProofError::Malformed);
    }
    if claims.htm != request.method {
        return Err(ProofError::WrongMethod);
    }
    if !same_url(&claims.htu, request.url) {
        return Err(ProofError::WrongUrl);
    }
    match request.ath {
        Some(ath) if claims.ath.as_deref() != Some(ath) => Err(ProofError::WrongToken),
        _ => Ok(()),
    }
}

fn made_at(claims: &Claims<'_>, now: u64, time: ProofTime<'_>) -> Result<u64, ProofError> {
    let is_right = claims.iat.abs_diff(now) <= PROOF_LEEWAY;
    let by_iat = |refusal| is_right.then_some(claims.iat).ok_or(refusal);
    let ProofTime::NonceOrIat(issued) = time else {
        return by_iat(ProofError::WrongTime);
    };
    match claims.nonce.as_deref().map(issued) {
        Some(NonceTime::At(issued_at)) => Ok(issued_at),
        None | Some(NonceTime::Old) => by_iat(ProofError::NonceNeeded),
        Some(NonceTime::Unknown) => Err(ProofError::NonceNeeded),
    }
}

fn decode(part: &str) -> Result<Vec<u8>, ProofError> {
    Base64UrlUnpadded::decode_vec(part).map_err(|_| ProofError::Malformed)
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ProofError> {
    // A list of the values would do for serde.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(ProofError::Malformed);
    }
    serde_json::from_slice(json).map_err(|_| ProofError::Malformed)
}

const HEADER: &str = "dpop";
/// `application/` may be left out (RFC 7515 section 4.1.9).
const TYPES: [&str; 2] = ["dpop+jwt", "application/dpop+jwt"];
/// A proof by RSA-8192, the largest key that is taken, has 3.5 KiB; one by P-256 half of one.
const MAX_PROOF_BYTES: usize = 4 * 1024;
const MAX_JTI_BYTES: usize = 256;

/// The proof is signed and short-lived, but with its token it is a credential: it is not printed.
impl std::fmt::Debug for PresentedProof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedProof")
    }
}

impl std::fmt::Debug for ProofTime<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Iat => "Iat",
            Self::NonceOrIat(_) => "NonceOrIat",
        })
    }
}
