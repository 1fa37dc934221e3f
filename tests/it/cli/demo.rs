//! The demo, walked as a person walks it.

use tempfile::TempDir;

use super::{
    Shell,
    program::Program,
    surfer::{self, Surfer},
};

struct Demo {
    folder: TempDir,
    program: Program,
    issuer: String,
    password: String,
}

/// The value of a row of the demo's head.
fn row(out: &str, name: &str) -> String {
    let mut rows = out.lines().filter_map(|line| line.trim().strip_prefix(name));
    rows.next().expect("the row").trim().to_owned()
}

fn links(out: &str) -> Vec<String> {
    let links = out.lines().filter(|line| line.starts_with("http"));
    links.map(str::to_owned).collect()
}

impl Demo {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut program = Program::start(&["demo", "--no-browser", "--port", "0"], folder.path());
        program
            .until("link", |out, _| out.contains("then tap Allow"))
            .await;
        let out = program.out.text();
        let (issuer, password) = (row(&out, "server"), row(&out, "password"));
        Self {
            folder,
            program,
            issuer,
            password,
        }
    }

    /// Answers the newest link; what the app's page says.
    async fn answer(&self, surfer: &mut Surfer, decision: &str) -> String {
        let link = links(&self.program.out.text()).pop().expect("a link");
        let back = surfer
            .decide(&link, "demo@example.com", &self.password, decision)
            .await;
        surfer::answer(surfer::client().get(back)).await.body
    }

    /// Ctrl-C.
    async fn stops(mut self) -> String {
        self.program.signal("INT");
        let status = self.program.ended().await;
        assert!(status.success(), "{status}: {}", self.program.log.text());
        assert_eq!(self.program.log.text(), "");
        self.program.out.text()
    }
}

#[tokio::test]
async fn the_demo_shows_every_step_and_its_session_can_be_ended() {
    let mut demo = Demo::start().await;
    let mut surfer = Surfer::new(&demo.issuer);
    let page = demo.answer(&mut surfer, "allow").await;
    assert!(page.contains("You are signed in"), "{page}");
    demo.program
        .until("last step", |out, _| out.contains("Ctrl-C ends the demo."))
        .await;

    let account = surfer.open("/account").await.page();
    let form = account
        .forms("/account/end")
        .into_iter()
        .find(|form| form.field("id").starts_with("dse_"));
    let ended = surfer.submit(&form.expect("the demo's device")).await.page();
    assert!(ended.text().contains("Ended."), "{}", ended.text());
    demo.program
        .until("refusal", |out, _| out.contains("refused: invalid_grant"))
        .await;
    // The API follows what has ended: the last access token has minutes to live, and is refused.
    demo.program
        .until("the API's refusal", |out, _| out.contains("The server goes on."))
        .await;

    let out = demo.stops().await;
    let steps: Vec<_> = out
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[ok]  "))
        .collect();
    assert_eq!(steps.len(), 9, "{out}");
    assert!(
        steps[8].contains("The API refuses the last access token"),
        "{out}"
    );
    for (at, step) in steps.iter().enumerate() {
        assert!(
            step.starts_with(&format!("{} ", at + 1)) && step.ends_with(" ms"),
            "{step}"
        );
    }
    assert!(
        out.contains("401 Unauthorized: ") && out.contains("401: ") && out.contains("the same"),
        "{out}"
    );
    for word in out
        .split_whitespace()
        .filter(|word| word.starts_with("eyJ") || word.starts_with("pst_"))
    {
        assert!(word.len() < 30 && word.contains("..."), "a whole token: {word}");
    }
    assert!(
        out.ends_with("The folder is kept: the next demo goes on with it.\n"),
        "{out}"
    );
}

#[tokio::test]
async fn who_denies_gets_another_link_and_a_command_ends_the_session() {
    let mut demo = Demo::start().await;
    let mut surfer = Surfer::new(&demo.issuer);
    let page = demo.answer(&mut surfer, "deny").await;
    assert!(page.contains("You are not signed in"), "{page}");
    demo.program
        .until("another link", |out, _| links(out).len() == 2)
        .await;
    let out = demo.program.out.text();
    assert!(
        out.contains("the app got access_denied, and nothing else"),
        "{out}"
    );
    demo.answer(&mut surfer, "allow").await;
    demo.program
        .until("last step", |out, _| out.contains("Ctrl-C ends the demo."))
        .await;

    let shell = Shell::in_folder(demo.folder.path());
    shell
        .run(&["session", "end", "--user", "demo@example.com"])
        .await
        .done();
    demo.program
        .until("refusal", |out, _| out.contains("Ended means ended."))
        .await;
    demo.stops().await;
}

#[tokio::test]
async fn the_next_demo_goes_on_with_the_folder_and_a_real_folder_is_not_touched() {
    let demo = Demo::start().await;
    let (folder, password) = (demo.folder.path().to_owned(), demo.password.clone());
    let mut again = Program::start(&["demo", "--no-browser", "--port", "0"], &folder);
    again.until("link", |out, _| out.contains("then tap Allow")).await;
    assert_eq!(row(&again.out.text(), "password"), password);
    demo.program.signal("TERM");

    let real = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(real.path());
    shell.run(&["init"]).await.done();
    let refused = super::program::command(&["demo", "--no-browser", "--port", "0"], real.path()).output();
    let refused = refused.expect("it runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1) && said.contains("the demo did not make"),
        "{said}"
    );
    assert!(
        shell
            .run(&["user", "list"])
            .await
            .done()
            .starts_with("Nobody yet.")
    );
}
