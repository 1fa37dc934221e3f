//! Step-up (RFC 9470): which sign-ins are enough, and what the sender of another token is told.

use std::time::Duration;

use http::StatusCode;
use postern_resource_server::{AccessToken, Authentication};

use crate::harness::{NOW, Signer, claims, claims_without, present};

/// A token of somebody who signed in ten minutes ago, with `acr` 1.
fn token() -> AccessToken {
    let signer = Signer::new("k1");
    present(&signer, &signer.token(&claims())).unwrap()
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn a_sign_in_that_is_good_and_new_enough() {
    let token = token();
    for enough in [
        Authentication::any(),
        Authentication::any().with_acr("1"),
        Authentication::any().with_acr("2").with_acr("1"),
        Authentication::any().within(minutes(10)),
        Authentication::any().with_acr("1").within(minutes(11)),
    ] {
        assert_eq!(
            token.require_authentication_at(&enough, NOW),
            Ok(()),
            "{enough:?}"
        );
    }
}

#[test]
fn the_sender_is_told_what_to_ask_for() {
    let token = token();
    for (needed, told) in [
        (Authentication::any().with_acr("2"), r#", acr_values="2""#),
        (
            Authentication::any()
                .with_acr("2")
                .with_acr("3")
                .within(minutes(20)),
            r#", acr_values="2 3", max_age="1200""#,
        ),
        (Authentication::any().within(minutes(9)), r#", max_age="540""#),
        (
            Authentication::any().with_acr("1").within(minutes(0)),
            r#", acr_values="1", max_age="0""#,
        ),
        (
            Authentication::any().with_acr("a\", x=\"b"),
            r#", acr_values="a, x=b""#,
        ),
    ] {
        let refused = token.require_authentication_at(&needed, NOW).unwrap_err();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let challenges = refused.www_authenticate();
        assert_eq!(challenges.len(), 2, "both schemes");
        for (challenge, scheme) in challenges.iter().zip(["Bearer", "DPoP"]) {
            let challenge = challenge.to_str().unwrap();
            let begins = format!(r#"{scheme} realm="api", error="insufficient_user_authentication", "#);
            assert!(challenge.starts_with(&begins), "{challenge}");
            let told = if scheme == "DPoP" {
                format!("{told}, algs=")
            } else {
                told.to_owned()
            };
            assert!(challenge.contains(&told), "{challenge}");
        }
    }
}

#[test]
fn a_token_that_does_not_say_is_not_enough() {
    let signer = Signer::new("k1");
    for (absent, needed) in [
        ("acr", Authentication::any().with_acr("1")),
        ("auth_time", Authentication::any().within(minutes(60))),
    ] {
        let token = present(&signer, &signer.token(&claims_without(absent))).unwrap();
        assert!(token.require_authentication_at(&needed, NOW).is_err(), "{absent}");
        assert!(
            token
                .require_authentication_at(&Authentication::any(), NOW)
                .is_ok()
        );
    }
}
