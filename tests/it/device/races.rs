//! Opening against ending (64 devices), on both back ends.

use futures_util::future::join_all;
use postern::flows::device;

use super::{Tv, asked, on_each};
use crate::harness::{ALICE, Form, Postern};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_device_lives_that_was_allowed_while_everything_of_its_person_ended() {
    for postern in on_each().await {
        let tv = Tv::new(&postern);
        for _ in 0..2 {
            let mut browser = postern.browser();
            browser.account(ALICE).await;
            let (mut forms, mut codes) = (Vec::<Form>::new(), Vec::new());
            for _ in 0..64 {
                let (device_code, user_code) = begin(&postern).await;
                // Codes that are typed in are counted by address.
                browser.address = [198, 51, 100, u8::try_from(codes.len()).expect("few")].into();
                let page = asked(&mut browser, &user_code, ALICE).await;
                forms.push(page.form("/device/decide").with("decision", "allow"));
                codes.push(device_code);
            }
            let cookies = browser.cookies.clone();
            let tap = async |form: &Form| {
                let mut tab = postern.browser();
                tab.cookies.clone_from(&cookies);
                tab.submit(form).await;
            };
            let (early, late) = forms.split_at(32);
            let ending = async {
                postern.end_everything_of(ALICE).await;
                let alive = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";
                assert_eq!(postern.number(alive).await, 0, "when it was acknowledged");
            };
            let (early, late) = (join_all(early.iter().map(&tap)), join_all(late.iter().map(&tap)));
            tokio::join!(early, ending, late);
            for code in &codes {
                assert_ne!(tv.poll(code).await.status, 200);
            }
            let alive = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";
            assert_eq!(postern.number(alive).await, 0);
        }
    }
}

/// As many as it takes: over HTTP they would be counted by address.
async fn begin(postern: &Postern) -> (String, String) {
    let client = postern.provider().clients.find("tv").expect("registered");
    let request = device::check(postern.provider(), &client, None, &[], None).expect("right");
    let begun = device::begin(postern.provider(), &client, request).await;
    let begun = begun.expect("begun");
    (begun.device_code.expose(), begun.user_code.to_string())
}
