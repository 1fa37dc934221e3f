//! The Authorization header that a token comes in, and the challenge that goes out (RFC 6750).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_resource_server::{Presented, ProofError, Rejection, Scheme};

fn with(values: &[&[u8]]) -> HeaderMap {
    let values = values
        .iter()
        .map(|value| (header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap()));
    values.collect()
}

fn read(value: &[u8]) -> Result<Scheme, Rejection> {
    Presented::from_headers(&with(&[value])).map(|presented| presented.scheme())
}

#[test]
fn one_bearer_token() {
    for value in [
        "Bearer a.b.c",
        "bearer abc",
        "BEARER a",
        "Bearer  a",
        "Bearer aZ09-._~+/==",
        "bEaReR a=",
    ] {
        assert_eq!(read(value.as_bytes()), Ok(Scheme::Bearer), "{value}");
    }
    assert_eq!(read(b"DPoP a.b.c"), Ok(Scheme::Dpop));
    assert_eq!(read(b"dpop a.b.c"), Ok(Scheme::Dpop));
}

#[test]
fn no_token() {
    assert_eq!(
        Presented::from_headers(&HeaderMap::new()).unwrap_err(),
        Rejection::NoToken
    );
    for value in [
        "",
        "Basic YTpi",
        "Bearera.b.c",
        "Bearer,a",
        "Token a",
        "a.b.c",
        "Bearer\ta",
    ] {
        assert_eq!(read(value.as_bytes()), Err(Rejection::NoToken), "{value:?}");
    }
}

#[test]
fn malformed() {
    let values = [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer a,b",
        "Bearer =",
        "Bearer =a",
        "Bearer a=b",
        "DPoP",
    ];
    for value in values
        .iter()
        .chain(&["Bearer \"a\"", "Bearer a;b", "Bearer a%2e", "Bearer token=\"a\""])
    {
        assert_eq!(
            read(value.as_bytes()),
            Err(Rejection::MalformedAuthorization),
            "{value:?}"
        );
    }
    for value in [&b"Bearer \xff"[..], b"Bearer a\xc3\xbc", "Bearer ü".as_bytes()] {
        assert_eq!(read(value), Err(Rejection::MalformedAuthorization));
    }
}

#[test]
fn one_header_only() {
    for pair in [
        [&b"Bearer a"[..], b"Bearer a"],
        [b"Bearer a", b"Basic YTpi"],
        [b"Basic YTpi", b"DPoP a"],
    ] {
        assert_eq!(
            Presented::from_headers(&with(&pair)).unwrap_err(),
            Rejection::SeveralAuthorizations
        );
    }
}

#[test]
fn a_presented_token_is_not_printed() {
    let headers = with(&[b"Bearer very.secret.token"]);
    let presented = Presented::from_headers(&headers).unwrap();
    assert_eq!(format!("{presented:?}"), "Presented { scheme: Bearer, .. }");
}

#[test]
fn challenges() {
    let told = |rejection: &Rejection| {
        let challenges = rejection.www_authenticate().into_iter();
        let challenges: Vec<_> = challenges
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        (rejection.status(), challenges)
    };
    // Both schemes are accepted, so both are told; what is said is the same.
    let both = |status, told: &str| {
        let dpop = format!(r#"DPoP {told}, algs="ES256 PS256 EdDSA Ed25519""#);
        (status, vec![format!("Bearer {told}"), dpop])
    };
    assert_eq!(
        told(&Rejection::NoToken),
        both(StatusCode::UNAUTHORIZED, r#"realm="api""#)
    );
    assert_eq!(
        told(&Rejection::Expired),
        both(
            StatusCode::UNAUTHORIZED,
            r#"realm="api", error="invalid_token", error_description="the token has expired""#
        )
    );
    assert_eq!(
        told(&Rejection::SeveralAuthorizations),
        both(
            StatusCode::BAD_REQUEST,
            r#"realm="api", error="invalid_request", error_description="more than one Authorization header""#
        )
    );
    // A quote or a line break in a scope's name must not end the quoted string.
    let required = "notes:read \"\\\r\nü, error=x".to_owned();
    assert_eq!(
        told(&Rejection::InsufficientScope { required }),
        both(
            StatusCode::FORBIDDEN,
            concat!(
                r#"realm="api", error="insufficient_scope", "#,
                r#"error_description="the token does not allow this", scope="notes:read , error=x""#
            )
        )
    );
    assert_eq!(
        told(&Rejection::KeysUnavailable),
        (StatusCode::SERVICE_UNAVAILABLE, Vec::new())
    );
}

/// A wrong proof concerns one scheme (RFC 9449 section 7.1).
#[test]
fn challenges_to_a_proof() {
    for (error, code) in [
        (ProofError::Missing, "invalid_dpop_proof"),
        (ProofError::Replayed, "invalid_dpop_proof"),
        (ProofError::NonceNeeded, "use_dpop_nonce"),
    ] {
        let rejection = Rejection::from(error);
        let challenges = rejection.www_authenticate();
        assert_eq!(
            (rejection.status(), challenges.len()),
            (StatusCode::UNAUTHORIZED, 1)
        );
        let expected = format!(
            r#"DPoP realm="api", error="{code}", error_description="{error}", algs="ES256 PS256 EdDSA Ed25519""#
        );
        assert_eq!(challenges[0].to_str().unwrap(), expected);
    }
}
