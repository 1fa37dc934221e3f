//! PostgreSQL servers that the tests start themselves: one for all that only need a database of their own, and more
//! for those that stop or kill theirs. Each ends with this process, whatever ends it.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use postern::{
    base::time::Lifetime,
    store::{
        db::{Location, PostgresOptions},
        migrate,
    },
};
use tokio::{sync::OnceCell, task::spawn_blocking};

use super::port::free_port;

pub(crate) const USER: &str = "postern";
pub(crate) const PASSWORD: &str = "not-a-secret";
const TEMPLATE: &str = "template_postern";
/// For a server whose data nobody needs after a crash.
const UNSAFE: [&str; 3] = ["fsync=off", "full_page_writes=off", "max_connections=400"];
/// What the stories ask of the database in SQLite's words.
const SQLITE_WORDS: &str = "
    CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE sql AS $$ SELECT upper(encode($1, 'hex')) $$;
    CREATE FUNCTION hex(uuid) RETURNS text LANGUAGE sql AS $$ SELECT hex(uuid_send($1)) $$;
    CREATE FUNCTION randomblob(bigint) RETURNS bytea LANGUAGE sql VOLATILE
      AS $$ SELECT substring(sha256(random()::text::bytea) FOR $1::int) $$;";
/// How the folder of a server is called, before the id of the process that owns it.
const FOLDER: &str = "postern-postgres-";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A database of one's own on the shared server. It is dropped with this.
pub(crate) struct Database {
    pub(crate) location: Location,
    pub(crate) name: String,
    pub(crate) cluster: &'static Cluster,
}

/// A database with its tables; nothing where PostgreSQL is not installed, which is said.
pub(crate) async fn database() -> Option<Database> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    static MIGRATED: OnceCell<()> = OnceCell::const_new();
    let start = || SHARED.get_or_init(|| Cluster::start(&UNSAFE)).as_ref();
    let cluster = spawn_blocking(start).await.expect("it starts")?;
    let migrate = || async {
        cluster.psql("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        let made = migrate::run(&cluster.location(TEMPLATE), true).await;
        made.expect("the tables");
        cluster.psql(TEMPLATE, SQLITE_WORDS);
    };
    MIGRATED.get_or_init(migrate).await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let text = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
    let made = spawn_blocking(move || cluster.psql("postgres", &text));
    made.await.expect("a database");
    Some(Database {
        location: cluster.location(&name),
        name,
        cluster,
    })
}

impl Database {
    pub(crate) fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// Another database with what is in this one now, as a backup brings it back.
    pub(crate) fn copy(&self) -> Self {
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.cluster.psql("postgres", &format!("CREATE DATABASE {name}"));
        let file = self.cluster.folder.join(format!("{name}.sql"));
        run(self
            .cluster
            .client("pg_dump", &self.name)
            .arg("--file")
            .arg(&file));
        run(self.cluster.client("psql", &name).args(["-qX", "-f"]).arg(&file));
        Self {
            location: self.cluster.location(&name),
            name,
            cluster: self.cluster,
        }
    }

    /// What a statement prints, run behind the server's back.
    pub(crate) fn psql(&self, text: &str) -> String {
        self.cluster.psql(&self.name, text)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let text = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        self.cluster.psql("postgres", &text);
    }
}

/// A server.
pub(crate) struct Cluster {
    folder: PathBuf,
    pub(crate) port: u16,
    settings: Vec<String>,
    server: Mutex<Option<Server>>,
}

/// A process and the thread that waits for it. The kernel ends the process when that thread ends, as it does at the
/// latest with the tests.
pub(crate) struct Server {
    pid: u32,
    keeper: JoinHandle<()>,
}

impl Server {
    /// Starts a program that [`as_server`] made.
    pub(crate) fn start(mut program: Command) -> Self {
        let (started, pid) = mpsc::channel();
        let keeper = thread::spawn(move || {
            let mut child = program.spawn().expect("it starts");
            let _ = started.send(child.id());
            let _ = child.wait();
        });
        let pid = pid.recv().expect("a process");
        Self { pid, keeper }
    }

    /// Sends a signal, which ends it, and waits for that.
    pub(crate) fn stop(self, signal: &str) {
        run(Command::new("kill").args([signal, &self.pid.to_string()]));
        self.keeper.join().expect("it ended");
    }
}

/// How a server is stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    /// As if the power failed, but for what the kernel has.
    Immediate,
    /// In order, without waiting for clients.
    Fast,
}

impl Cluster {
    /// An empty server, running; nothing where PostgreSQL is not installed, which is said.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        Self::start_furnished(settings, |_| {})
    }

    /// The same, with something of the test's own in its folder before the data comes to `data` there.
    pub(crate) fn start_furnished(settings: &[&str], furnish: impl FnOnce(&Path)) -> Option<Self> {
        let cluster = Self::prepare(settings)?;
        furnish(&cluster.folder);
        let password = cluster.folder.join("password");
        fs::write(&password, PASSWORD).expect("a password");
        let mut initdb = as_server(&program("initdb")?);
        initdb
            .args([
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--auth-local=trust",
            ])
            .args(["--auth-host=scram-sha-256", "--username", USER, "--pwfile"])
            .arg(&password)
            .arg(cluster.data());
        run(&mut initdb);
        cluster.run();
        Some(cluster)
    }

    /// A server that follows this one, asynchronously.
    pub(crate) fn replica(&self) -> Self {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let replica = Self::prepare(&settings).expect("it is installed");
        let mut copy = as_server(&program("pg_basebackup").expect("it is installed"));
        copy.args([
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            "--username",
            USER,
        ])
        .args(["--host", &self.folder.display().to_string()])
        .args(["--port", &self.port.to_string(), "--pgdata"])
        .arg(replica.data());
        run(&mut copy);
        replica.run();
        replica
    }

    /// Makes a folder and finds a port.
    fn prepare(settings: &[&str]) -> Option<Self> {
        static SWEPT: OnceLock<()> = OnceLock::new();
        if program("postgres").is_none() {
            let required = env_is("POSTERN_POSTGRES", "required");
            assert!(
                !required,
                "POSTERN_POSTGRES=required, but PostgreSQL is not installed"
            );
            eprintln!("skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)");
            return None;
        }
        SWEPT.get_or_init(sweep);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("{FOLDER}{}-{number}", process::id()));
        fs::create_dir(&folder).expect("a new folder");
        give(&folder);
        Some(Self {
            folder,
            port: free_port(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            server: Mutex::new(None),
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where a database of this server is.
    pub(crate) fn location(&self, database: &str) -> Location {
        Location::Postgres(PostgresOptions {
            url: self.url(database).parse().expect("a right URL"),
            direct_url: None,
            max_connections: 6,
            statement_timeout: Lifetime::from_secs(5),
        })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts the server, which was stopped.
    pub(crate) fn run(&self) {
        let mut server = as_server(&program("postgres").expect("it is installed"));
        server
            .arg("-D")
            .arg(self.data())
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
                "-k",
            ])
            .arg(&self.folder);
        for setting in &self.settings {
            server.args(["-c", setting]);
        }
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))
            .expect("a log");
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        *self.server() = Some(Server::start(server));
        let mut ready = Command::new(program("pg_isready").expect("it is installed"));
        ready
            .args(["--quiet", "--port", &self.port.to_string(), "--host"])
            .arg(&self.folder);
        for _ in 0..600 {
            if ready.status().is_ok_and(|status| status.success()) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    /// Stops the server and waits for its end.
    pub(crate) fn stop(&self, how: Stop) {
        let signal = match how {
            Stop::Immediate => "-QUIT",
            Stop::Fast => "-INT",
        };
        if let Some(server) = self.server().take() {
            server.stop(signal);
        }
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a statement prints.
    pub(crate) fn psql(&self, database: &str, text: &str) -> String {
        run(self
            .client("psql", database)
            .args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text]))
    }

    /// A program that asks the server for a database.
    fn client(&self, name: &str, database: &str) -> Command {
        let mut command = Command::new(program(name).expect("it is installed"));
        command
            .args(["-U", USER, "-d", database, "-p", &self.port.to_string(), "-h"])
            .arg(&self.folder);
        command
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop(Stop::Immediate);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Folders of servers whose tests are gone: statics are not dropped.
fn sweep() {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER)?.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what the machine has, and what the tests are told to do"
)]
pub(crate) fn variable(name: &str) -> std::ffi::OsString {
    env::var_os(name).unwrap_or_default()
}

/// A program of PostgreSQL or beside it; Debian keeps the server's in a folder for each version.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(env::split_paths(&variable("PATH")));
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// A program that runs as the account that may, and ends with the thread that starts it.
pub(crate) fn as_server(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command
        .args(["--pdeathsig=QUIT", "--"])
        .arg(program)
        .current_dir("/");
    command
}

/// Gives a file or a folder to the account that servers run as, and lets nobody else read it.
pub(crate) fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres:").arg(path));
    }
    run(Command::new("chmod").arg("go=").arg(path));
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| run(Command::new("id").arg("-u")) == "0")
}

pub(crate) fn env_is(name: &str, value: &str) -> bool {
    variable(name) == value
}

/// Runs a program to its end; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error: io::Error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
