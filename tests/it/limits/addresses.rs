//! Where a request came from: proxies are believed, nobody else is.

use std::net::IpAddr;

use axum::{body::Body, http::Request};

use super::limit;
use crate::harness::{ALICE, Answer, Postern};

const PROXY: &str = "10.0.0.1";
const CLIENT: &str = "203.0.113.7";

async fn behind(proxies: &str) -> Postern {
    Postern::start_with(|config| config.server.trusted_proxies = proxies.parse().expect("networks")).await
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The address that a sign-in is recorded with which reaches the server from `peer` with these header lines.
async fn recorded(postern: &Postern, peer: &str, lines: &[&'static str]) -> String {
    // Events of one moment have no order.
    postern.advance("1ms");
    let mut browser = postern.browser();
    browser.address = ip(peer);
    browser.forwarded_for = lines.to_vec();
    assert_eq!(browser.account(ALICE).await.heading(), "Your account");
    let newest = "SELECT address FROM events WHERE kind = 'user.signed_in' ORDER BY id DESC LIMIT 1";
    postern.texts(newest).await.remove(0)
}

#[tokio::test]
async fn nobody_is_believed_by_default() {
    let postern = Postern::start().await;
    for peer in [CLIENT, PROXY, "127.0.0.1"] {
        assert_eq!(recorded(&postern, peer, &["198.51.100.9"]).await, peer);
    }
}

#[tokio::test]
async fn who_is_no_proxy_says_what_it_likes_in_vain() {
    let postern = behind("10.0.0.0/8").await;
    assert_eq!(recorded(&postern, CLIENT, &["198.51.100.9"]).await, CLIENT);
    assert_eq!(
        recorded(&postern, CLIENT, &["198.51.100.9, 10.0.0.1"]).await,
        CLIENT
    );
    // What was made up before it came to the proxy stands left of what the proxy saw.
    for lines in [
        &["198.51.100.9, 203.0.113.7"][..],
        &["198.51.100.9", "203.0.113.7"],
    ] {
        assert_eq!(recorded(&postern, PROXY, lines).await, CLIENT);
    }
    assert_eq!(
        recorded(&postern, PROXY, &["10.9.9.9, 203.0.113.7, 10.0.0.2"]).await,
        CLIENT
    );
}

#[tokio::test]
async fn a_header_is_read_from_the_right_to_the_first_that_is_no_proxy() {
    let postern = behind("10.0.0.0/8, fd00::/8, 192.0.2.1").await;
    for (lines, expected) in [
        (&[][..], PROXY),
        (&["203.0.113.7"], CLIENT),
        (&["203.0.113.7, fd00::1,192.0.2.1 ,10.3.0.1"], CLIENT),
        (&["203.0.113.7", "fd00::1", "192.0.2.1, 10.3.0.1"], CLIENT),
        (&["203.0.113.7:55012"], CLIENT),
        (&["::ffff:203.0.113.7"], CLIENT),
        (&["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (&["[2001:db8:1:2:3:4:5:6]"], "2001:db8:1:2::/64"),
        (&["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        (&["203.0.113.7, , "], CLIENT),
        (&["10.3.0.9, 10.3.0.1"], "10.3.0.9"),
    ] {
        assert_eq!(recorded(&postern, PROXY, lines).await, expected, "{lines:?}");
    }
    // The proxy itself may be heard by IPv6.
    assert_eq!(
        recorded(&postern, "::ffff:10.0.0.1", &["203.0.113.7"]).await,
        CLIENT
    );
    assert_eq!(recorded(&postern, "fd00::7", &["203.0.113.7"]).await, CLIENT);
    assert_eq!(recorded(&postern, "fe80::7", &["203.0.113.7"]).await, "fe80::/64");
}

/// The status of the sign-in page for who comes from `peer` with these header lines.
async fn status(postern: &Postern, peer: &str, lines: &[&str], accept: &str) -> Answer {
    let mut request = Request::get("/account").header("accept", accept);
    for line in lines {
        request = request.header("x-forwarded-for", *line);
    }
    let request = request.body(Body::empty()).expect("a request");
    postern.send_from(ip(peer), request).await
}

#[tokio::test]
async fn a_proxy_is_not_taken_for_a_client_that_it_does_not_name() {
    let postern = behind("10.0.0.0/8").await;
    for lines in [
        &["203.0.113.7, unknown, 10.3.0.1"][..],
        &["203.0.113.7, 10.3.0.1 10.3.0.2"],
        &["_hidden"],
        &["unknown"],
        &["10.3.0.1", "nonsense"],
        &[""],
        &[" , "],
    ] {
        let (statements, refused) = postern.statements(status(&postern, PROXY, lines, "*/*")).await;
        assert_eq!((refused.status.as_u16(), statements), (400, 0), "{lines:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert_eq!(refused.header("x-content-type-options"), "nosniff");
        let page = status(&postern, PROXY, lines, "text/html").await;
        assert!(
            page.body.contains("Nobody knows where this came from"),
            "{page:?}"
        );
    }
    // What a client made up stands before what the proxy saw, and who is no proxy says it in vain.
    assert_eq!(
        recorded(&postern, PROXY, &["nonsense, 203.0.113.7"]).await,
        CLIENT
    );
    assert_eq!(recorded(&postern, CLIENT, &["nonsense"]).await, CLIENT);
}

#[tokio::test]
async fn a_long_header_is_not_read_to_its_end() {
    let postern = behind("10.0.0.0/8").await;
    let hops = |count: usize| -> &'static str { format!("203.0.113.7{}", ", 10.3.0.1".repeat(count)).leak() };
    assert_eq!(recorded(&postern, PROXY, &[hops(15)]).await, CLIENT);
    for header in [hops(16), hops(2500), ",".repeat(5000).leak()] {
        assert_eq!(status(&postern, PROXY, &[header], "*/*").await.status, 400);
    }
}

#[tokio::test]
async fn limits_meet_the_person_behind_the_proxy_and_a_whole_ipv6_network_at_once() {
    let postern = Postern::start_with(|config| {
        config.server.trusted_proxies = "10.0.0.0/8".parse().expect("networks");
        config.limits.sign_in_address = limit(2, "10s");
    })
    .await;
    let attempt = async |client: &'static str, email: &str| {
        let mut browser = postern.browser();
        browser.address = ip(PROXY);
        browser.forwarded_for = vec![client];
        let page = browser.open("/account").await.page();
        let page = browser.sign_in_with(&page, email, "wrong password").await;
        page.page().answer.status.as_u16()
    };
    assert_eq!(attempt("2001:db8:1:2::1", "a@example.com").await, 422);
    assert_eq!(attempt("2001:db8:1:2:ffff::1", "b@example.com").await, 422);
    assert_eq!(attempt("2001:db8:1:2::3", "c@example.com").await, 429);
    assert_eq!(
        attempt("2001:db8:1:3::1", "c@example.com").await,
        422,
        "another network"
    );
    assert_eq!(
        attempt("203.0.113.7", "d@example.com").await,
        422,
        "somebody else"
    );
}
