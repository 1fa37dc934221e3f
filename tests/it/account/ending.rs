//! What ends what: every cell of the matrix in `docs/sessions.md`, with its revocations and its event.

use std::{collections::BTreeMap, fs};

use postern::{
    base::id::{BrowserSessionId, DeviceSessionId},
    domain::session_filter::SessionFilter,
    flows::{
        admin::{By, clients, people, sessions},
        mass_end,
        sweep::sweep,
    },
};
use serde_json::Value;

use super::hex;
use crate::harness::{ALICE, BOB, Browser, PASSWORD, Page, Phone, Postern, Tokens};

/// The columns of the matrix, in its order.
const COLUMNS: [&str; 12] = [
    "browser here",
    "browser there",
    "own",
    "hanging under own",
    "with_browser",
    "hanging under with_browser",
    "granted",
    "another app's",
    "own there",
    "with_browser there",
    "Bob's browser",
    "Bob's own",
];

/// A row of the matrix: what happened, the reason, and per column whether it ends.
struct Row {
    cause: String,
    reason: String,
    ends: Vec<bool>,
}

fn matrix() -> Vec<Row> {
    let text = fs::read_to_string("docs/sessions.md").expect("the page");
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| what happened"));
    let rows = rows.take_while(|line| line.starts_with('|'));
    let mut rows: Vec<Vec<String>> = rows
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect();
    assert_eq!(rows.remove(0)[2..], COLUMNS);
    rows.remove(0);
    let ends = |cell: &String| match cell.as_str() {
        "ends" => true,
        "-" => false,
        other => panic!("a cell says {other:?}"),
    };
    rows.iter()
        .map(|row| Row {
            cause: row[0].clone(),
            reason: row[1].clone(),
            ends: row[2..].iter().map(ends).collect(),
        })
        .collect()
}

/// Everything that the matrix is about.
struct World<'a> {
    postern: &'a Postern,
    here: Browser<'a>,
    there: Browser<'a>,
    phone: Phone<'a>,
    own: Tokens,
    own_code: String,
    granting: Page,
    ids: BTreeMap<&'static str, String>,
}

async fn browser_id(postern: &Postern, known: &[String]) -> String {
    let all = postern
        .texts("SELECT lower(hex(id)) FROM browser_sessions ORDER BY id")
        .await;
    let mut new = all.into_iter().filter(|id| !known.contains(id));
    new.next().expect("a new browser session")
}

fn id_of(sid: &str) -> String {
    hex(&sid.parse::<DeviceSessionId>().expect("an id").to_bytes())
}

impl<'a> World<'a> {
    async fn new(postern: &'a Postern) -> Self {
        postern.add_client("other", |_| {}).await;
        let (mut here, mut there, mut bobs) = (postern.browser(), postern.browser(), postern.browser());
        let phone = postern.phone();
        let mut short = phone.clone();
        short.scope = "openid";
        let mut ids = BTreeMap::new();

        let with_browser = short.signed_in(&mut here, ALICE).await;
        let browser_here = browser_id(postern, &[]).await;
        let mut hang = |name: &'static str, tokens: &Tokens| {
            ids.insert(name, id_of(&tokens.sid()));
        };
        hang("with_browser", &with_browser);
        hang(
            "hanging under with_browser",
            &phone.signed_in(&mut here, ALICE).await,
        );
        hang("hanging under own", &phone.signed_in(&mut here, ALICE).await);
        hang(
            "another app's",
            &postern.phone_of("other").signed_in(&mut here, ALICE).await,
        );
        let own_code = phone.allowed_code(&mut here, ALICE).await;
        let own = Tokens::of(&phone.redeem(&own_code).await);
        hang("own", &own);
        hang("own there", &phone.signed_in(&mut there, ALICE).await);
        let elsewhere = browser_id(postern, std::slice::from_ref(&browser_here)).await;
        hang("with_browser there", &short.signed_in(&mut there, ALICE).await);
        hang("Bob's own", &phone.signed_in(&mut bobs, BOB).await);
        let bobs_browser = browser_id(postern, &[browser_here.clone(), elsewhere.clone()]).await;

        let granting = here.open(&phone.authorize_url(&[])).await.page();
        let code = phone.code(&here.press(&granting, "allow").await.app());
        let session = postern::domain::code::Code::parse(&code).expect("a code").session;
        ids.insert("granted", hex(&session.to_bytes()));
        ids.insert("browser here", browser_here);
        ids.insert("browser there", elsewhere);
        ids.insert("Bob's browser", bobs_browser);
        let world = Self {
            postern,
            here,
            there,
            phone,
            own,
            own_code,
            granting,
            ids,
        };
        // Native SSO is what makes such rows. These came from the browser there, so that nothing but the one that they hang
        // under can be why they end.
        world.hang_under("hanging under own", "own").await;
        world
            .hang_under("hanging under with_browser", "with_browser")
            .await;
        world
    }

    async fn hang_under(&self, child: &str, parent: &str) {
        // How each back end writes the bytes of an id.
        let mark = if self.postern.database.is_some() { "" } else { "x" };
        let sql = format!(
            "UPDATE device_sessions SET browser_session_id = NULL, parent_id = {mark}'{}' WHERE id = {mark}'{}'",
            self.ids[parent], self.ids[child]
        );
        self.postern.tamper(Box::leak(sql.into_boxed_str())).await;
    }

    fn browser(&self, name: &str) -> BrowserSessionId {
        let bytes = u128::from_str_radix(&self.ids[name], 16)
            .expect("hex")
            .to_be_bytes();
        BrowserSessionId::from_bytes(bytes)
    }

    /// The ids of all that has ended, in both tables.
    async fn ended(&self) -> Vec<String> {
        self.postern
            .texts(
                "SELECT lower(hex(id)) FROM browser_sessions WHERE ended_at IS NOT NULL
                 UNION ALL SELECT lower(hex(id)) FROM device_sessions WHERE state = 'ended'",
            )
            .await
    }

    async fn happens(&mut self, cause: &str) {
        let provider = self.postern.provider();
        match cause {
            "Alice signs out" => {
                let page = self.here.open("/account").await.page();
                self.here.submit(&page.form("/sign-out")).await.page();
            }
            "Alice signs out of everything opened here" => self.signs_out("opened_here").await,
            "Alice signs out everywhere" => self.signs_out("everywhere").await,
            "Notes signs Alice out (RP-initiated logout)" => {
                let hint = self.own.answer["id_token"].as_str().expect("an ID token");
                let page = self
                    .here
                    .open(&format!("/logout?id_token_hint={hint}"))
                    .await
                    .page();
                assert_eq!(page.heading(), "You’re signed out");
            }
            "Alice ends the browser from her account page" => {
                let id = self.browser("browser here").to_string();
                self.end_from_there(&id).await;
            }
            "the browser session expires" => {
                self.postern.advance("4d");
                self.there.open("/account").await.page();
                self.postern.advance("3d");
                // Bob's browser is in use as well.
                let still = "UPDATE browser_sessions SET last_seen_at = (SELECT MAX(last_seen_at) FROM browser_sessions)
                             WHERE user_id = (SELECT id FROM users WHERE email_key = 'bob@example.com')";
                self.postern.tamper(still).await;
                sweep(provider).await.expect("swept");
            }
            "another person signs in with the browser" => {
                let page = self.here.press(&self.granting.clone(), "switch").await.page();
                let mut carol = page.form("/sign-in").with("email", "carol@example.com");
                carol = carol.with("password", PASSWORD);
                self.here.submit(&carol).await.page();
            }
            other => self.happens_to_a_session(other).await,
        }
    }

    /// The causes that are about one device session.
    async fn happens_to_a_session(&mut self, cause: &str) {
        match cause {
            "Alice ends the app from her account page" => {
                let id = self.own.sid();
                self.end_from_there(&id).await;
            }
            "the app gives its refresh token back" => {
                assert_eq!(self.phone.revoke(&self.own.refresh).await.status, 200);
            }
            "an old refresh token is used again" => {
                let next = Tokens::of(&self.phone.refresh(&self.own.refresh).await);
                self.phone.refresh(&next.refresh).await;
                assert_eq!(
                    self.phone.refresh(&self.own.refresh).await.error(),
                    "invalid_grant"
                );
            }
            "the code is redeemed twice" => {
                assert_eq!(self.phone.redeem(&self.own_code).await.error(), "invalid_grant");
            }
            "more than 16 of its access tokens are revoked" => {
                let mut tokens = self.own.clone();
                for _ in 0..17 {
                    assert_eq!(self.phone.revoke(&tokens.access).await.status, 200);
                    let answer = self.phone.refresh(&tokens.refresh).await;
                    if answer.status == 200 {
                        tokens = Tokens::of(&answer);
                    }
                }
            }
            "Alice presses Deny after Allow" => {
                self.here.press(&self.granting.clone(), "deny").await.app();
            }
            other => self.happens_to_all(other).await,
        }
    }

    /// The causes that reach further.
    async fn happens_to_all(&mut self, cause: &str) {
        let provider = self.postern.provider();
        let (alice, operator) = (self.postern.user(ALICE).await.id, By::operator());
        match cause {
            "an operator ends one browser of Alice" => {
                let id = self.browser("browser here");
                let ended = sessions::end_browser(provider, &operator, id, None).await;
                ended.expect("ended");
            }
            "an operator ends one session of an app" => {
                let id = self.own.sid().parse().expect("an id");
                let ended = sessions::end_device(provider, &operator, id, None).await;
                assert_eq!(ended.expect("ended").0, alice);
            }
            "Alice ends all others, asking here" => {
                let page = self.here.open("/account").await.page();
                self.here.submit(&page.form("/account/end-others")).await.page();
            }
            "Alice changes her password, here" => {
                let page = self.here.open("/account").await.page();
                let form = page.form("/account/password").with("current_password", PASSWORD);
                let page = self
                    .here
                    .submit(&form.with("new_password", "another tr0mbone"))
                    .await
                    .page();
                assert_eq!(page.answer.status, 200);
            }
            "an operator sets a new password" => {
                let set = people::set_password(provider, &operator, alice, "another tr0mbone").await;
                set.expect("answered").expect("a good one");
            }
            "an operator ends everything of Alice" => self.postern.end_everything_of(ALICE).await,
            "Alice's account is disabled" => {
                let disabled = people::disable(provider, &operator, alice).await;
                disabled.expect("disabled");
            }
            "Alice withdraws her consent to Notes" => {
                let page = self.here.open("/account").await.page();
                let mut forms = page.forms("/account/withdraw").into_iter();
                let form = forms
                    .find(|form| form.field("client") == "notes")
                    .expect("its button");
                let page = self.here.submit(&form).await.page();
                assert!(
                    page.forms("/account/withdraw")
                        .iter()
                        .all(|form| form.field("client") != "notes")
                );
                assert_eq!(self.postern.count_events("consent.withdrawn").await, 1);
            }
            "an operator ends all sessions of Notes that match a filter" => {
                let filter = SessionFilter {
                    client: "notes".parse().ok(),
                    ..SessionFilter::default()
                };
                let begun = mass_end::begin(provider, &operator, &filter, None).await;
                begun.expect("begun");
                mass_end::work(provider).await.expect("worked off");
            }
            "the app Notes is removed" => {
                let removed = clients::remove(provider, &operator, &"notes".parse().expect("an id")).await;
                removed.expect("removed");
            }
            other => panic!("the matrix has a row without a test: {other}"),
        }
    }

    async fn signs_out(&mut self, reach: &str) {
        let page = self.here.open("/account").await.page();
        let form = page.form("/account/sign-out").with("reach", reach);
        let page = self.here.submit(&form).await.page();
        assert_eq!(page.heading(), "You’re signed out");
    }

    async fn end_from_there(&mut self, id: &str) {
        let page = self.there.open("/account").await.page();
        let mut forms = page.forms("/account/end").into_iter();
        let form = forms.find(|form| form.field("id") == id).expect("its button");
        self.there.submit(&form).await.page();
    }
}

#[tokio::test]
async fn every_cell_of_the_matrix() {
    let rows = matrix();
    assert_eq!(rows.len(), 23);
    for row in rows {
        let postern = Postern::start().await;
        postern.add_user("carol@example.com").await;
        let mut world = World::new(&postern).await;
        assert!(world.ended().await.is_empty());
        world.happens(&row.cause).await;

        let ended = world.ended().await;
        for (column, ends) in COLUMNS.iter().zip(&row.ends) {
            assert_eq!(
                ended.contains(&world.ids[column]),
                *ends,
                "{}: {column}",
                row.cause
            );
        }
        assert_eq!(
            ended.len(),
            row.ends.iter().filter(|ends| **ends).count(),
            "{}",
            row.cause
        );
        told(&world, &row, &ended).await;
    }
}

/// The revocations are those of the device sessions that had tokens; one event tells it all.
async fn told(world: &World<'_>, row: &Row, ended: &[String]) {
    let postern = world.postern;
    let is_browser = |id: &&String| {
        let browsers = ["browser here", "browser there", "Bob's browser"];
        browsers.iter().any(|name| world.ids[name] == **id)
    };
    let browsers = ended.iter().filter(is_browser).count();
    let mut with_tokens: Vec<&String> = ended
        .iter()
        .filter(|id| !is_browser(id) && **id != world.ids["granted"])
        .collect();
    with_tokens.sort();
    let mut revoked = postern
        .texts("SELECT lower(hex(id)) FROM revocations WHERE kind = 'session'")
        .await;
    revoked.sort();
    assert_eq!(revoked.iter().collect::<Vec<_>>(), with_tokens, "{}", row.cause);
    let in_force =
        "SELECT COUNT(*) FROM revocations WHERE kind = 'session' AND issued_before = recorded_at + 10000
                    AND until = recorded_at + 420000";
    assert_eq!(
        usize::try_from(postern.number(in_force).await).expect("a count"),
        revoked.len(),
        "{}: for as long as any access token of it can live",
        row.cause
    );

    let events: Vec<Value> = postern
        .events()
        .await
        .into_iter()
        .filter(|(kind, _)| kind == "session.ended")
        .map(|(_, data)| data)
        .collect();
    assert_eq!(events.len(), 1, "{}: {events:?}", row.cause);
    assert_eq!(events[0]["reason"], row.reason.as_str(), "{}", row.cause);
    assert_eq!(events[0]["browsers"], browsers, "{}", row.cause);
    assert_eq!(events[0]["devices"], ended.len() - browsers, "{}", row.cause);
    let reasons = postern
        .texts(
            "SELECT DISTINCT end_reason FROM device_sessions WHERE state = 'ended'
             UNION SELECT DISTINCT end_reason FROM browser_sessions WHERE ended_at IS NOT NULL",
        )
        .await;
    assert_eq!(reasons, [row.reason.as_str()]);

    // What ended gives nothing any more; what lives on still does.
    let own_ended = ended.contains(&world.ids["own"]);
    if !own_ended {
        let answer = world.phone.refresh(&world.own.refresh).await;
        assert_eq!(answer.status, 200, "{}", row.cause);
    } else if row.cause != "the app Notes is removed" {
        let answer = world.phone.refresh(&world.own.refresh).await;
        assert_eq!(answer.error(), "invalid_grant", "{}", row.cause);
    }
}

#[tokio::test]
async fn ending_what_has_ended_changes_nothing_and_tells_nothing() {
    let postern = Postern::start().await;
    let mut world = World::new(&postern).await;
    world.happens("an operator ends everything of Alice").await;
    let rows = postern.rows().await;
    let stamps = "SELECT COALESCE(ended_at, 0) || end_reason || hex(end_event) FROM device_sessions WHERE ended_at > 0";
    let before = postern.texts(stamps).await;
    postern.advance("1m");
    world.happens("an operator ends everything of Alice").await;
    assert_eq!(world.phone.revoke(&world.own.refresh).await.status, 200);
    assert_eq!(postern.rows().await, rows);
    assert_eq!(postern.texts(stamps).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_lives_after_the_end_of_everything_was_acknowledged() {
    for postern in Postern::on_each().await {
        let (mut browser, phone) = (postern.browser(), postern.phone());
        browser.account(ALICE).await;
        for _ in 0..4 {
            browser.account(ALICE).await;
            let mut pages = Vec::new();
            for _ in 0..64 {
                pages.push(browser.open(&phone.authorize_url(&[])).await.page());
            }
            let cookies = browser.cookies.clone();
            let tap = async |page: &Page| {
                let mut tab = postern.browser();
                tab.cookies.clone_from(&cookies);
                match tab.press(page, "allow").await {
                    crate::harness::Went::App(back) => Some(phone.code(&back)),
                    crate::harness::Went::Page(_) => None,
                }
            };
            let (early, late) = pages.split_at(32);
            let early = futures_util::future::join_all(early.iter().map(&tap));
            let late = futures_util::future::join_all(late.iter().map(&tap));
            let ending = async {
                postern.end_everything_of(ALICE).await;
                let alive = "SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'";
                assert_eq!(postern.number(alive).await, 0, "when it was acknowledged");
            };
            let (early, (), late) = tokio::join!(early, ending, late);
            let codes: Vec<String> = early.into_iter().chain(late).flatten().collect();
            for code in codes {
                assert_eq!(phone.redeem(&code).await.error(), "invalid_grant");
            }
            assert_eq!(
                postern
                    .number("SELECT COUNT(*) FROM device_sessions WHERE state <> 'ended'")
                    .await,
                0
            );
        }
    }
}
