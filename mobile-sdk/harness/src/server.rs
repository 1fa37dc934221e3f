//! The real server: the `postern` binary as a process with a folder of its own.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::browser::Browser;

/// Alice's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running server; it stops when it is dropped.
pub struct Server {
    folder: TempDir,
    process: Child,
    /// Its public URL.
    pub issuer: String,
}

fn program() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/postern");
    std::env::var_os("POSTERN").map_or_else(|| built.into(), PathBuf::from)
}

/// Runs a command; its words are between spaces.
fn run(folder: &TempDir, command: &str, more: &[&str], input: &str) -> String {
    let mut child = Command::new(program())
        .args(command.split_whitespace())
        .args(more)
        .arg("--data")
        .arg(folder.path().join("data"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("postern is built: cargo build --bin postern, or POSTERN=FILE");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let done = child.wait_with_output().expect("ended");
    assert!(
        done.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

impl Server {
    /// Alice and the app `app`, whose tokens are bound to a key.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// And these apps, which nobody is asked about: id, scope and flags of each.
    pub fn start_with(apps: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let issuer = format!("http://localhost:{port}");
        run(&folder, &format!("init --public-url {issuer}"), &[], "");
        run(
            &folder,
            "user add alice@example.com --password-stdin",
            &[],
            PASSWORD,
        );
        let app = "client add app --name Notes --redirect-uri http://127.0.0.1/callback --consent never \
                   --dpop required --may-end-browser-session";
        run(&folder, app, &[], "");
        for (id, scope, flags) in apps {
            let command = format!("client add {id} --name Notes --consent never {flags}");
            run(&folder, &command, &["--scope", scope], "");
        }
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let process = Command::new(program())
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"])
            .arg(folder.path().join("data"))
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("started");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            thread::sleep(Duration::from_millis(10));
        }
        Self {
            folder,
            process,
            issuer,
        }
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// What happened, as lines of JSON.
    pub fn events(&self) -> String {
        let output = Command::new(program())
            .args(["events", "export", "--since", "2000-01-01T00:00:00Z", "--data"])
            .arg(self.folder.path().join("data"))
            .output()
            .expect("ran");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// How often something happened.
    pub fn count(&self, event: &str) -> usize {
        self.events().lines().filter(|line| line.contains(event)).count()
    }

    /// What its operator types, and what comes of it.
    pub fn operator(&self, command: &str) -> String {
        run(&self.folder, command, &[], "")
    }

    /// Alice's browser.
    pub fn browser(&self) -> Browser {
        Browser::new(&self.issuer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
