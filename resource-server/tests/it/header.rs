//! The Authorization header that a token comes in, and the challenge that goes out (RFC 6750).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use postern_resource_server::{Expected, KeySet, Presented, Rejection, Scheme, validate};

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
fn dpop_is_refused_for_now() {
    let headers = with(&[b"DPoP a.b.c"]);
    let presented = Presented::from_headers(&headers).unwrap();
    let keys = KeySet::from_jwks(r#"{"keys":[]}"#).unwrap();
    let answer = validate(&presented, &keys, &Expected::new("i", "a"), 0);
    assert_eq!(answer, Err(Rejection::DpopNotSupported));
}

#[test]
fn challenges() {
    let told = |rejection: &Rejection| {
        let challenge = rejection
            .www_authenticate()
            .map(|value| value.to_str().unwrap().to_owned());
        (rejection.status(), challenge.unwrap_or_default())
    };
    assert_eq!(
        told(&Rejection::NoToken),
        (StatusCode::UNAUTHORIZED, r#"Bearer realm="api""#.to_owned())
    );
    assert_eq!(
        told(&Rejection::Expired),
        (
            StatusCode::UNAUTHORIZED,
            r#"Bearer realm="api", error="invalid_token", error_description="the token has expired""#
                .to_owned()
        )
    );
    assert_eq!(
        told(&Rejection::SeveralAuthorizations),
        (
            StatusCode::BAD_REQUEST,
            r#"Bearer realm="api", error="invalid_request", error_description="more than one Authorization header""#
                .to_owned()
        )
    );
    // A quote or a line break in a scope's name must not end the quoted string.
    let required = "notes:read \"\\\r\nü, error=x".to_owned();
    assert_eq!(
        told(&Rejection::InsufficientScope { required }),
        (
            StatusCode::FORBIDDEN,
            concat!(
                r#"Bearer realm="api", error="insufficient_scope", "#,
                r#"error_description="the token does not allow this", scope="notes:read , error=x""#
            )
            .to_owned()
        )
    );
    assert_eq!(
        told(&Rejection::KeysUnavailable),
        (StatusCode::SERVICE_UNAVAILABLE, String::new())
    );
}
