//! Proofs of possession of a key (RFC 9449 section 4).

use serde_json::{Map, Value, json};

use crate::{
    base64,
    effect::KeyLevel,
    error::ErrorCode,
    host::{Host, Result},
    json, url,
};

/// A key of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its name there.
    pub(crate) id: String,
    x: String,
    y: String,
    hardware: bool,
}

impl Key {
    /// Makes a key.
    pub(crate) async fn make(host: &Host, id: String) -> Result<Self> {
        let made = host.ensure_key(&id).await?;
        Ok(Self {
            id,
            x: base64::encode(&made.x),
            y: base64::encode(&made.y),
            hardware: made.level != KeyLevel::Software,
        })
    }

    pub(crate) fn read(members: &Map<String, Value>) -> Option<Self> {
        Some(Self {
            id: json::owned(members, "id")?,
            x: json::owned(members, "x")?,
            y: json::owned(members, "y")?,
            hardware: json::flag(members, "hardware"),
        })
    }

    pub(crate) fn members(&self) -> Value {
        json!({ "id": self.id, "x": self.x, "y": self.y, "hardware": self.hardware })
    }

    /// The members in the order of the thumbprint.
    fn jwk(&self) -> String {
        format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            self.x, self.y
        )
    }

    /// RFC 7638.
    pub(crate) fn thumbprint(&self) -> String {
        base64::digest(self.jwk().as_bytes())
    }

    /// A proof for one request, with the token that it presents.
    pub(crate) async fn proof(
        &self,
        host: &Host,
        method: &str,
        to: &str,
        token: Option<&str>,
    ) -> Result<String> {
        let jti = host.random_text().await?;
        let nonce = url::origin(to).and_then(|origin| host.memory().nonces.get(&origin).cloned());
        let mut claims = json!({
            "jti": jti,
            "htm": method,
            "htu": url::without_query(to),
            "iat": host.server_now().div_euclid(1000),
        });
        if let Some(claims) = claims.as_object_mut() {
            if let Some(nonce) = nonce {
                claims.insert("nonce".to_owned(), nonce.into());
            }
            if let Some(token) = token {
                claims.insert("ath".to_owned(), base64::digest(token.as_bytes()).into());
            }
        }
        let header = format!(r#"{{"alg":"ES256","jwk":{},"typ":"dpop+jwt"}}"#, self.jwk());
        let unsigned = format!(
            "{}.{}",
            base64::encode(header.as_bytes()),
            base64::encode(claims.to_string().as_bytes())
        );
        let signature = host.sign(&self.id, unsigned.clone().into_bytes()).await?;
        let signature = raw(&signature).ok_or(ErrorCode::HookMisbehaved)?;
        Ok(format!("{unsigned}.{}", base64::encode(&signature)))
    }
}

/// A signature as JWS has it, r || s (RFC 7518 section 3.4), of one in that form or in DER.
pub(crate) fn raw(signature: &[u8]) -> Option<[u8; 64]> {
    if let Ok(raw) = signature.try_into() {
        return Some(raw);
    }
    let [0x30, len, numbers @ ..] = signature else {
        return None;
    };
    if usize::from(*len) != numbers.len() {
        return None;
    }
    let (r, rest) = integer(numbers)?;
    let (s, rest) = integer(rest)?;
    let mut raw = [0; 64];
    raw.get_mut(..32)?.copy_from_slice(&r);
    raw.get_mut(32..)?.copy_from_slice(&s);
    rest.is_empty().then_some(raw)
}

/// A positive number of at most 32 bytes, filled up from the left.
fn integer(der: &[u8]) -> Option<([u8; 32], &[u8])> {
    let [0x02, len, rest @ ..] = der else {
        return None;
    };
    let (number, rest) = rest.split_at_checked(usize::from(*len))?;
    let number = match number {
        [0, more @ ..] => more,
        [first, ..] if *first < 0x80 => number,
        _ => return None,
    };
    let mut filled = [0; 32];
    filled
        .get_mut(32usize.checked_sub(number.len())?..)?
        .copy_from_slice(number);
    Some((filled, rest))
}
