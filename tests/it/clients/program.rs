//! A program in another language, which plays somebody's client: a child process that is spoken to in lines of JSON.
//!
//! It reads its settings from the first line of its standard input (secrets are in no argument and no variable). What it
//! wants of the test it asks for in a line `{"ask": ...}`, and gets a line back; its last line is its report.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, mpsc as blocking},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use crate::harness::postgres::env_is;

/// How long a program may be silent before the test fails; a virtual machine that starts on a busy machine takes a while.
const PATIENCE: Duration = Duration::from_mins(2);

/// The languages whose clients are not tested here.
static SKIPPED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

/// Where `tests/all` installs what the programs need.
pub(crate) fn tools(language: &str) -> PathBuf {
    Path::new("target/tools/clients").join(language)
}

/// The folder of the programs of a language.
pub(crate) fn sources(language: &str) -> PathBuf {
    Path::new("tests/clients").join(language)
}

/// Whether the clients in a language can be played: it is there, and `tests/all` has installed the packages of this `list`.
/// Where that is not so, one line says what is not tested; with `POSTERN_CLIENTS=required` the test fails.
pub(crate) fn is_ready(language: &'static str, list: &str, interpreter: &str) -> bool {
    let missing = if !is_on_path(Path::new(interpreter)) {
        format!("no {interpreter} on the PATH")
    } else if fs::read(sources(language).join(list)).ok() == fs::read(tools(language).join("installed")).ok()
    {
        return true;
    } else {
        format!("its packages are not those of {list}")
    };
    assert!(
        !env_is("POSTERN_CLIENTS", "required"),
        "POSTERN_CLIENTS=required, but for the clients in {language}: {missing}"
    );
    if SKIPPED.lock().expect("no panic").insert(language) {
        let skipped = format!("skipped: the clients in {language}: {missing} (tests/all prepares them)");
        let _ = writeln!(std::io::stderr(), "{skipped}");
    }
    false
}

#[expect(
    clippy::disallowed_methods,
    reason = "where programs are is the machine's to say"
)]
fn is_on_path(program: &Path) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// A running program. It is stopped, by its own id, when it is dropped.
pub(super) struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::UnboundedReceiver<String>,
    errors: blocking::Receiver<String>,
}

impl Program {
    pub(super) fn start(command: &mut Command, settings: &Value) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdin = child.stdin.take().expect("piped");
        let (tell, lines) = mpsc::unbounded_channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        let (tell_errors, errors) = blocking::channel();
        let mut stderr = child.stderr.take().expect("piped");
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            tell_errors.send(String::from_utf8_lossy(&text).into_owned())
        });
        let mut program = Self {
            child,
            stdin,
            lines,
            errors,
        };
        program.say(settings);
        program
    }

    pub(super) fn say(&mut self, line: &Value) {
        // One that has ended says why when it is listened to.
        let _ = writeln!(self.stdin, "{line}").and_then(|()| self.stdin.flush());
    }

    /// The next line that it prints.
    pub(super) async fn told(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.recv()).await;
        let Ok(Some(line)) = line else {
            self.stop();
            let errors = self.errors.recv_timeout(PATIENCE).unwrap_or_default();
            panic!("the program ended without a report, or said nothing for too long:\n{errors}");
        };
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}
