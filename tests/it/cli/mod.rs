//! The command line: every verb in process with a world of its own, and the real program beside a server and as a demo.

mod audit;
mod backup;
mod beside_a_server;
mod changing_clients;
mod clients;
mod commands;
mod confirm;
mod demo;
mod events;
mod init;
mod keys;
mod migrate;
pub(crate) mod program;
mod registration;
mod remote;
mod restore;
mod restore_refused;
mod roles;
mod seed;
mod sessions;
mod surfer;
mod users;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use postern::{
    app::Surroundings,
    base::{entropy::Entropy, time::Clock},
    cli::{self, Input, Output, World},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{durability::node::DATABASE, harness::Postern};

/// A shell in which commands are typed: a data folder, variables, a clock.
struct Shell {
    data: PathBuf,
    clock: Clock,
    variables: Vec<(String, String)>,
}

/// A folder in which `init` has run.
async fn founded() -> (TempDir, Shell) {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = Shell::in_folder(folder.path());
    shell.run(&["init"]).await.done();
    (folder, shell)
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: u8,
    out: String,
    err: String,
}

impl Shell {
    fn in_folder(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            clock: Clock::system(),
            variables: Vec::new(),
        }
    }

    /// One on the machine of a server, with its clock and its database.
    fn beside(postern: &Postern) -> Self {
        let mut shell = Self::in_folder(postern.folder());
        shell.clock = postern.clock.clone();
        match &postern.database {
            Some(database) => shell.with(DATABASE, &database.url()),
            None => shell,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs a command on this shell's data folder.
    async fn run(&self, command: &[&str]) -> Said {
        self.run_with_input(command, "").await
    }

    async fn run_with_input(&self, command: &[&str], input: &str) -> Said {
        let (out, mut err) = (Written::default(), Vec::new());
        let world = World {
            surroundings: Surroundings {
                clock: self.clock.clone(),
                entropy: Arc::new(Entropy::system()),
                environment: |_| None,
            },
            variables: self.variables.clone(),
            input: Input::new(io::Cursor::new(input.to_owned().into_bytes()), false),
            output: Output::new(out.clone(), false),
            opened: None,
        };
        let data = self.data.to_str().expect("text");
        let words = [&["postern"], command, &["--data", data]].concat();
        let code = cli::run(words.into_iter().map(Into::into), world, &mut err).await;
        Said {
            code,
            out: out.text(),
            err: String::from_utf8(err).expect("text"),
        }
    }
}

impl Said {
    /// The results of a command that worked and complained about nothing.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    #[track_caller]
    fn json(self) -> Value {
        let out = self.done();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
    }

    /// What a command complained of that did nothing.
    #[track_caller]
    fn refused(self, code: u8) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        self.err
    }
}

/// What was written so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
