//! The real program as a child process, which is stopped by its own id.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::Written;

const PATIENCE: Duration = Duration::from_secs(30);

/// A running program and what it has written.
pub(crate) struct Program {
    child: Child,
    pub(crate) out: Written,
    pub(crate) log: Written,
}

pub(crate) fn command(words: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(words).arg("--data").arg(data);
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Program {
    pub(crate) fn start(words: &[&str], data: &Path) -> Self {
        Self::spawn(&mut command(words, data))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let out = collect(child.stdout.take().expect("piped"));
        let log = collect(child.stderr.take().expect("piped"));
        Self { child, out, log }
    }

    /// Sends a signal such as TERM.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.expect("kill runs").success(), "{name} to {id}");
    }

    /// Whether it runs, and what it has said: for the message of a test that fails.
    pub(crate) fn state(&mut self) -> String {
        let ended = self.child.try_wait().expect("its own child");
        let runs = ended.map_or("it runs".to_owned(), |status| format!("it ended, {status}"));
        format!("{runs}\n{}\n{}", self.out.text(), self.log.text())
    }

    /// Waits until `holds` says so of standard output and the log.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&str, &str) -> bool) {
        let waiting = async {
            while !holds(&self.out.text(), &self.log.text()) {
                let ended = self.child.try_wait().expect("its own child");
                assert!(ended.is_none(), "it ended: {ended:?}\n{}", self.log.text());
                sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("no {what} in\n{}\n{}", self.out.text(), self.log.text()));
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("its own child") {
                    return status;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it ends")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Written {
    let written = Written::default();
    let mut to = written.clone();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            to.write_all(&bytes[..read]).expect("memory");
        }
    });
    written
}
