//! The device authorization grant (RFC 8628): a television without a keyboard.

mod attacks;
mod grant;
mod qr;
mod races;

use postern::{
    config::Config,
    domain::client::{ClientSettings, GrantType},
};

use crate::harness::{ALICE, Answer, Browser, Page, Postern, Went};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a client needs for this.
fn television(settings: &mut ClientSettings) {
    settings.grant_types.insert(GrantType::DeviceCode);
}

async fn start() -> Postern {
    start_with(|_| {}).await
}

async fn start_with(change: impl FnOnce(&mut Config)) -> Postern {
    let postern = Postern::start_with(change).await;
    postern.add_client("tv", television).await;
    postern
}

async fn on_each() -> Vec<Postern> {
    let all = Postern::on_each().await;
    for postern in &all {
        postern.add_client("tv", television).await;
    }
    all
}

/// An app on a television.
#[derive(Clone, Copy)]
struct Tv<'a> {
    postern: &'a Postern,
    client: &'static str,
}

/// What the television was told.
struct Codes {
    device: String,
    user: String,
    /// The link with the code in it, as in a QR code.
    link: String,
}

impl<'a> Tv<'a> {
    fn new(postern: &'a Postern) -> Self {
        Self {
            postern,
            client: "tv",
        }
    }

    async fn ask(&self, more: &[(&str, &str)]) -> Answer {
        let pairs = [&[("client_id", self.client)], more].concat();
        self.postern.post("/device_authorization", &pairs).await
    }

    async fn begin(&self) -> Codes {
        let answer = self.ask(&[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        let text = |name: &str| json[name].as_str().expect(name).to_owned();
        Codes {
            device: text("device_code"),
            user: text("user_code"),
            link: text("verification_uri_complete"),
        }
    }

    async fn poll(&self, device_code: &str) -> Answer {
        let form = [
            ("grant_type", GRANT_TYPE),
            ("client_id", self.client),
            ("device_code", device_code),
        ];
        self.postern.post("/token", &form).await
    }
}

/// Types a code in.
async fn enter(browser: &mut Browser<'_>, user_code: &str) -> Page {
    let page = browser.open("/device").await.page();
    let form = page.form("/device").with("user_code", user_code);
    browser.submit(&form).await.page()
}

/// Types a code in and signs in where that is due: the page that asks.
async fn asked(browser: &mut Browser<'_>, user_code: &str, email: &str) -> Page {
    let page = enter(browser, user_code).await;
    if page.forms("/sign-in").is_empty() {
        page
    } else {
        browser.sign_in(&page, email).await.page()
    }
}

/// A device begins and Alice allows it: its codes, and the page that stays behind.
async fn allowed(tv: &Tv<'_>, browser: &mut Browser<'_>) -> (Codes, Page) {
    let codes = tv.begin().await;
    let page = asked(browser, &codes.user, ALICE).await;
    press(browser, &page, "allow").await;
    (codes, page)
}

async fn press(browser: &mut Browser<'_>, page: &Page, decision: &str) -> Page {
    let form = page.form("/device/decide").with("decision", decision);
    match browser.submit(&form).await {
        Went::Page(page) => page,
        Went::App(url) => panic!("a device has no address, and not {url}"),
    }
}
