//! The configuration: what wins, what is refused and how, and that the manual and the program agree.

use std::{collections::BTreeSet, fs, path::Path};

use postern::{
    base::{time::Lifetime, url::Issuer},
    config::{Config, ConfigErrors, DEFAULTS, LogFormat, Overrides, Problem, Source},
    ports::secrets::SecretSource,
};
use tempfile::TempDir;

/// A data folder with this `postern.toml`.
fn folder(file: &str) -> TempDir {
    let data = tempfile::tempdir().expect("a folder");
    fs::write(data.path().join("postern.toml"), file).expect("written");
    data
}

fn load(data: &Path, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(data, None, env, &Overrides::default())
}

fn refused(file: &str, env: &[(&str, &str)]) -> Vec<Problem> {
    load(folder(file).path(), env)
        .expect_err("refused")
        .problems()
        .to_vec()
}

#[test]
fn without_anything_the_defaults_are_in_force() {
    let data = tempfile::tempdir().expect("a folder");
    let config = load(data.path(), &[]).expect("valid");
    assert_eq!(config.server.public_url.as_str(), "http://localhost:8080");
    assert_eq!(config.server.templates, None);
    assert_eq!(
        config.database.file().expect("a file"),
        data.path().join("postern.db")
    );
    assert_eq!(
        config.secrets.root,
        SecretSource::File(data.path().join("root.secret"))
    );
    assert_eq!(config.lifetimes.access_token, Lifetime::from_secs(300));
    assert_eq!(config.lifetimes.device_session_absolute, Lifetime::from_days(365));
    assert_eq!(config.limits.sign_in_account.burst, 10);
    assert!(config.passwords.workers >= 1);
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_defaults() {
    let data = folder(
        "[server]\nservice_name = 'Notes'\nlisten = '0.0.0.0:1'\nmax_connections = 7\n[log]\nformat = 'json'",
    );
    let env = [
        ("POSTERN__SERVER__LISTEN", "0.0.0.0:2"),
        ("POSTERN__SERVER__MAX_CONNECTIONS", "8"),
        ("POSTERN_ROOT_SECRET", "pst_root_x"),
        ("POSTERN_LOG", "debug"),
        ("PATH", "/bin"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let flags = Overrides {
        listen: Some("0.0.0.0:3".into()),
        ..Overrides::default()
    };
    let config = Config::load(data.path(), None, env, &flags).expect("valid");
    assert_eq!(config.server.service_name.as_str(), "Notes");
    assert_eq!(config.server.max_connections, 8);
    assert_eq!(config.server.listen.port(), 3);
    assert_eq!(config.log.format, LogFormat::Json);

    let shown = config.show();
    let file = data.path().join("postern.toml");
    for (start, source) in [
        (
            "server.service_name = \"Notes\" ",
            format!("# {}", file.display()),
        ),
        (
            "server.max_connections = 8 ",
            "# POSTERN__SERVER__MAX_CONNECTIONS".into(),
        ),
        ("server.listen = \"0.0.0.0:3\" ", "# --listen".into()),
        ("tokens.access_token = \"5m\" ", "# default".into()),
    ] {
        let line = shown.lines().find(|line| line.starts_with(start));
        assert!(
            line.is_some_and(|line| line.ends_with(&source)),
            "{start} {source} in\n{shown}"
        );
    }
    // It is TOML, and means the same.
    let again = load(folder(&shown).path(), &[]).expect("valid");
    assert_eq!(
        (again.server.listen, again.server.max_connections),
        (config.server.listen, 8)
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_source() {
    let data = folder(
        "[tokens]\naccess_token = 300\n[server]\nlisten = 'localhost:8080'\nmax_connections = '5'\n[databse]\nurl = 'x'",
    );
    let env = [
        ("POSTERN__TOKENS__ACCES_TOKEN", "5m"),
        ("POSTERN__SESSIONS__DEVICE_IDLE", "5 parsecs"),
        ("POSTERN_TOKENS_RETRY_WINDOW", "1s"),
        ("POSTERN__LOG", "info"),
    ];
    let flags = Overrides {
        public_url: Some("http://id.example.com".into()),
        ..Overrides::default()
    };
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let errors = Config::load(data.path(), None, env, &flags).expect_err("refused");
    let file = Source::File(data.path().join("postern.toml"));
    let environment = |name: &str| Source::Environment(name.into());
    for (setting, source, hint) in [
        (
            "tokens.access_token",
            file.clone(),
            "write a whole number with a unit",
        ),
        (
            "server.listen",
            file.clone(),
            "a name such as localhost is no address",
        ),
        (
            "server.max_connections",
            file.clone(),
            "write it without quotes: 5",
        ),
        ("databse.url", file, "did you mean database.url?"),
        (
            "tokens.acces_token",
            environment("POSTERN__TOKENS__ACCES_TOKEN"),
            "did you mean POSTERN__TOKENS__ACCESS_TOKEN?",
        ),
        (
            "sessions.device_idle",
            environment("POSTERN__SESSIONS__DEVICE_IDLE"),
            "90d, 12h, 5m",
        ),
        (
            "tokens.retry_window",
            environment("POSTERN_TOKENS_RETRY_WINDOW"),
            "write POSTERN__TOKENS__RETRY_WINDOW",
        ),
        ("log", environment("POSTERN__LOG"), "write POSTERN__LOG__NAME"),
        ("server.public_url", Source::Flag("--public-url"), "use https"),
    ] {
        let found = errors
            .problems()
            .iter()
            .find(|problem| problem.setting == setting);
        let found = found.unwrap_or_else(|| panic!("{setting} is missing in\n{errors}"));
        assert_eq!(found.source, source, "{errors}");
        assert!(found.hint.contains(hint), "{hint} in\n{errors}");
    }
    assert_eq!(errors.problems().len(), 9, "{errors}");
    let text = errors.to_string();
    assert!(text.starts_with("the configuration has 9 problems:\n"), "{text}");
    assert!(
        text.contains("\n  sessions.device_idle = \"5 parsecs\" (POSTERN__SESSIONS__DEVICE_IDLE): "),
        "{text}"
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let found = refused(
        "[tokens]\naccess_token = '1m'\n[sessions]\nbrowser_idle = '60d'",
        &[],
    );
    let names: Vec<_> = found.iter().map(|problem| problem.setting.as_str()).collect();
    assert_eq!(names, ["tokens.retry_window", "sessions.browser_idle"]);
    assert!(
        found[0]
            .hint
            .contains("at most half of tokens.access_token, which is 30s"),
        "{found:?}"
    );
    assert_eq!(found[0].source, Source::Default);

    let found = refused("[tokens]\naccess_token = '1d'\n[keys]\nrotate_every = '1d'", &[]);
    assert_eq!(found[0].setting, "keys.rotate_every");
    assert!(found[0].hint.contains("write at least 87630s"), "{found:?}");
    load(
        folder("[tokens]\naccess_token = '1d'\n[keys]\nrotate_every = '87630s'").path(),
        &[],
    )
    .expect("long enough");

    let found = refused("[passwords]\nmemory_kib = 10000", &[]);
    assert!(found[0].hint.contains("write at least 19456 with 2"), "{found:?}");
    load(
        folder("[passwords]\nmemory_kib = 10000\niterations = 4").path(),
        &[],
    )
    .expect("strong enough");
}

#[test]
fn odd_values_and_shapes_are_refused_and_nothing_panics() {
    for (file, setting, hint) in [
        ("tokens = 5", "tokens", "write tokens.NAME"),
        (
            "[tokens.access_token]\nx = 1",
            "tokens.access_token",
            "write one value",
        ),
        (
            "[server]\nlisten = ['127.0.0.1:1']",
            "server.listen",
            "write a text in quotes",
        ),
        (
            "[server]\nservice_name = 5",
            "server.service_name",
            "write it in quotes: \"5\"",
        ),
        (
            "[server]\nmax_connections = 0",
            "server.max_connections",
            "from 1 to 1000000",
        ),
        (
            "[server]\nmax_connections = -1",
            "server.max_connections",
            "write a whole number",
        ),
        (
            "[server]\ntemplates = 'nowhere'",
            "server.templates",
            "is no folder",
        ),
        (
            "[server]\ntrusted_proxies = ['10.0.0.0/8']",
            "server.trusted_proxies",
            "write a text in quotes",
        ),
        (
            "[server]\ntrusted_proxies = '10.0.0.0/8 proxy'",
            "server.trusted_proxies",
            "write networks with commas",
        ),
        (
            "[server]\ntrusted_proxies = '10.0.0.1/8'",
            "server.trusted_proxies",
            "write 10.0.0.0/8",
        ),
        (
            "[server]\ntrusted_proxies = '::/0'",
            "server.trusted_proxies",
            "is everybody",
        ),
        ("[database]\nurl = 'sqlite::memory:'", "database.url", "in memory"),
        ("[log]\nlevel = 'inof'", "log.level", "write off, error, warn"),
        (
            "[log]\nlevel = 'info,sqlx=lots'",
            "log.level",
            "write off, error, warn",
        ),
        (
            "\"tokens.access_token\" = '1m'",
            "\"tokens.access_token\"",
            "did you mean tokens.access_token?",
        ),
        ("[tokenz]", "tokenz", "remove it"),
        ("listen = 'x'", "listen", "did you mean server.listen?"),
        ("[server]\nlisten", "configuration file", "line 2: "),
    ] {
        let found = refused(file, &[]);
        assert_eq!(found.len(), 1, "{file}: {found:?}");
        assert_eq!(found[0].setting, setting, "{found:?}");
        assert!(found[0].hint.contains(hint), "{found:?}");
    }
    for variable in [
        "POSTERN__",
        "POSTERN____",
        "POSTERN__SERVER",
        "POSTERN__SERVER__LISTEN__X",
        "POSTERN__Ü__Ä",
    ] {
        assert_eq!(refused("", &[(variable, "x")]).len(), 1, "{variable}");
    }
    load(folder("[tokens]").path(), &[]).expect("an empty section is fine");
    let missing = Config::load(
        Path::new("."),
        Some(Path::new("nowhere.toml")),
        [],
        &Overrides::default(),
    );
    let missing = missing.expect_err("it was named").to_string();
    assert!(
        missing.contains("configuration file (nowhere.toml): cannot be read"),
        "{missing}"
    );
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let env = [
        ("POSTERN__SECRETS__ROOT", "hunter2hunter2"),
        ("POSTERN__DATABASE__URL", "mysql://postern:hunter2@db/postern"),
        ("POSTERN__SERVER__SERVICE_NAME", ""),
        ("POSTERN__LOG__FORMAT", "pst_root_hunter2hunter2"),
    ];
    let errors = load(folder("[secrets]\nroot = hunter2").path(), &env).expect_err("refused");
    assert_eq!(errors.problems().len(), 5, "{errors}");
    assert!(
        errors.to_string().contains("or the URL of a PostgreSQL"),
        "{errors}"
    );
    assert!(!format!("{errors}{errors:?}").contains("hunter2"), "{errors}");
}

#[test]
fn the_password_of_a_database_is_not_shown() {
    let urls = [
        (
            "POSTERN__DATABASE__URL",
            "postgres://postern:hunter2:@@db/postern",
        ),
        (
            "POSTERN__DATABASE__DIRECT_URL",
            "postgres://postern:hunter2%23@db/postern",
        ),
    ];
    let config = load(folder("").path(), &urls).expect("valid");
    let shown = config.show();
    assert_eq!(
        shown.matches("postgres://postern:[redacted]@db/postern").count(),
        2,
        "{shown}"
    );
    assert!(!format!("{shown}{config:?}").contains("hunter2"), "{shown}");
    for wrong in [
        "postgres://postern:1/hunter2@db/postern",
        "postgres://db/postern?password=hunter2",
    ] {
        let errors = load(folder("").path(), &[("POSTERN__DATABASE__URL", wrong)]).expect_err("refused");
        assert!(!format!("{errors}{errors:?}").contains("hunter2"), "{errors}");
    }
}

#[test]
fn the_manual_has_every_setting_with_a_comment_and_the_program_reads_every_one() {
    let read: BTreeSet<String> = Config::defaults(Path::new("."))
        .expect("the defaults are valid")
        .show()
        .lines()
        .filter_map(|line| line.split(" = ").next().map(str::to_owned))
        .collect();
    let (mut documented, mut section, mut above) = (BTreeSet::new(), "", "");
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            assert!(
                above.starts_with("# "),
                "{section}.{name} has no comment above it"
            );
            documented.insert(format!("{section}.{name}"));
        }
        above = line;
    }
    assert_eq!(read, documented);
}

#[test]
fn the_file_that_init_writes_changes_nothing_but_the_public_url() {
    let url: Issuer = "https://id.example.com".parse().expect("valid");
    let file = Config::default_file(&url);
    let config = load(folder(&file).path(), &[]).expect("valid");
    assert_eq!(config.server.public_url, url);
    let changed: Vec<_> = config
        .show()
        .lines()
        .filter(|line| !line.ends_with("# default"))
        .map(str::to_owned)
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    // Taking the # away gives a file that is right, too.
    let all: Vec<_> = file
        .lines()
        .skip_while(|line| !line.starts_with('['))
        .map(|l| l.trim_start_matches("# "))
        .collect();
    load(folder(&all.join("\n")).path(), &[]).expect("valid");
}
