//! Pages of the console.

use serde::Serialize;

use super::Used;
use crate::web::page::Page;

/// What every page of the console has around it.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    /// Who is signed in.
    pub email: String,
    /// As what.
    pub role: &'static str,
    /// The token of the page's forms.
    pub csrf: String,
    /// Where they may go.
    pub places: Vec<Place>,
    /// What was just done, or nothing.
    pub notice: Option<&'static str>,
}

/// A place in the console.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// Its path.
    pub path: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Whether this is it.
    pub here: bool,
}

/// A column of a chart, in the units of its drawing.
#[derive(Debug, Clone, Serialize)]
pub struct Column {
    /// Which hour or day.
    pub label: String,
    /// How many people signed in.
    pub good: i64,
    /// How many failed.
    pub bad: i64,
    /// Where it begins.
    pub x: f64,
    /// How high it stands above the line.
    pub up: f64,
    /// How far it hangs below the line.
    pub down: f64,
}

/// Sign-ins above a line and failures below it.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// A name for ids.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The same in a sentence, with its numbers.
    pub summary: String,
    /// The columns, oldest first.
    pub columns: Vec<Column>,
    /// How wide a column is.
    pub width: f64,
    /// What the highest stands for.
    pub most: i64,
}

/// How many live sessions a version of an app has.
#[derive(Debug, Clone, Serialize)]
pub struct VersionBar {
    /// The app.
    pub app: String,
    /// Which version, or nothing.
    pub version: Option<String>,
    /// How many.
    pub sessions: i64,
    /// Of a hundred, how long its bar is.
    pub length: f64,
    /// The sessions' page.
    pub path: String,
}

/// A session of an app.
#[derive(Debug, Clone, Serialize)]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// Whose, by address; nothing on their own page.
    pub person: Option<String>,
    /// Their page.
    pub person_path: String,
    /// The app.
    pub app: String,
    /// Its version, or nothing.
    pub version: Option<String>,
    /// What the browser said it is.
    pub device: String,
    /// Where the app asked from last, or nothing.
    pub address: Option<String>,
    /// When it was used.
    #[serde(flatten)]
    pub used: Used,
    /// Where it is ended; nothing for who may not.
    pub end_path: Option<String>,
}

/// A browser session.
#[derive(Debug, Clone, Serialize)]
pub struct ConsoleBrowserRow {
    /// What the browser said it is.
    pub label: String,
    /// When it was used.
    #[serde(flatten)]
    pub used: Used,
    /// Where it is ended; nothing for who may not.
    pub end_path: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub struct EventRow {
    /// In words.
    pub what: String,
    /// Its kind.
    pub kind: String,
    /// When, in words.
    pub ago: String,
    /// When, exactly.
    pub at: String,
    /// Whom it is about, or nothing.
    pub person: Option<String>,
    /// Their page.
    pub person_path: String,
    /// The app, or nothing.
    pub app: Option<String>,
    /// The address, or nothing.
    pub address: Option<String>,
    /// Who did it, or nothing.
    pub by: Option<String>,
    /// What else is said.
    pub facts: Vec<(String, String)>,
}

/// The console's first page.
#[derive(Debug, Clone, Serialize)]
pub struct ConsolePage {
    /// What is around it.
    pub frame: Frame,
    /// What the role lets them do.
    pub permissions: Vec<&'static str>,
    /// Whether the password was given lately.
    pub fresh: bool,
    /// Sign-ins of the last day and the last month.
    pub charts: Vec<Chart>,
    /// Live sessions by version; nothing for who may not see them.
    pub versions: Option<Vec<VersionBar>>,
    /// When they were counted.
    pub counted_at: Option<String>,
    /// The newest sessions, likewise.
    pub newest: Option<Vec<SessionRow>>,
}

/// A person in a list.
#[derive(Debug, Clone, Serialize)]
pub struct PersonRow {
    /// Their page.
    pub path: String,
    /// What they sign in with.
    pub email: String,
    /// Their name, or "".
    pub name: String,
    /// Their role, or nothing.
    pub role: Option<&'static str>,
    /// Whether they are disabled.
    pub disabled: bool,
    /// When they were added.
    pub added: String,
}

/// People.
#[derive(Debug, Clone, Serialize)]
pub struct PeoplePage {
    /// What is around it.
    pub frame: Frame,
    /// What was looked for.
    pub begins: String,
    /// The people.
    pub people: Vec<PersonRow>,
    /// The next page, or nothing.
    pub next: Option<String>,
}

/// A person.
#[derive(Debug, Clone, Serialize)]
pub struct PersonPage {
    /// What is around it.
    pub frame: Frame,
    /// Their id.
    pub id: String,
    /// The person.
    pub person: PersonRow,
    /// Since when they are disabled, or nothing.
    pub disabled_at: Option<String>,
    /// Apps; nothing for who may not see them.
    pub apps: Option<Vec<SessionRow>>,
    /// All of them.
    pub apps_path: String,
    /// Whether there are more.
    pub more_apps: bool,
    /// Browsers.
    pub browsers: Vec<ConsoleBrowserRow>,
    /// What happened; nothing for who may not see it.
    pub history: Option<Vec<EventRow>>,
    /// All of it.
    pub history_path: String,
    /// Where everything of theirs is ended; nothing for who may not.
    pub end_path: Option<String>,
    /// Where they are disabled or enabled; nothing for who may not.
    pub switch_path: Option<String>,
}

/// What sessions are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FilterFields {
    /// Whose, by address.
    pub person: String,
    /// Which app's.
    pub client: String,
    /// Which version.
    pub app_version: String,
    /// A part of the device's name.
    pub device: String,
    /// An address or a block of them.
    pub address: String,
    /// For how many days not used.
    pub unused_days: String,
}

/// Sessions of apps.
#[derive(Debug, Clone, Serialize)]
pub struct SessionsPage {
    /// What is around it.
    pub frame: Frame,
    /// What is looked for.
    pub fields: FilterFields,
    /// The apps to choose from: id and name.
    pub clients: Vec<(String, String)>,
    /// What is wrong with it, or nothing.
    pub error: Option<String>,
    /// The sessions.
    pub sessions: Vec<SessionRow>,
    /// How many were looked at.
    pub looked_at: u64,
    /// The next page, or nothing.
    pub next: Option<String>,
    /// Where all of them are ended; nothing without a filter, and for who may not.
    pub end_path: Option<String>,
}

/// A client in a list.
#[derive(Debug, Clone, Serialize)]
pub struct ClientRow {
    /// Its page.
    pub path: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What kind it is.
    pub kind: String,
}

/// Clients.
#[derive(Debug, Clone, Serialize)]
pub struct ClientsPage {
    /// What is around it.
    pub frame: Frame,
    /// The clients.
    pub clients: Vec<ClientRow>,
}

/// A secret, which nobody can read.
#[derive(Debug, Clone, Serialize)]
pub struct SecretRow {
    /// Its name.
    pub id: String,
    /// When it was made.
    pub made: String,
    /// When it was used last, to the day, or nothing.
    pub used: Option<String>,
    /// When it ends, or nothing.
    pub ends: Option<String>,
    /// Whether it is good.
    pub good: bool,
}

/// A client.
#[derive(Debug, Clone, Serialize)]
pub struct ClientPage {
    /// What is around it.
    pub frame: Frame,
    /// The client.
    pub client: ClientRow,
    /// Its settings: name and value.
    pub settings: Vec<(String, String)>,
    /// Its secrets.
    pub secrets: Vec<SecretRow>,
    /// Live sessions by version; nothing for who may not see them.
    pub versions: Option<Vec<VersionBar>>,
    /// Its sessions' page; nothing for who may not see them.
    pub sessions_path: Option<String>,
    /// Where all of them are ended; nothing for who may not.
    pub end_path: Option<String>,
}

/// A key of the server.
#[derive(Debug, Clone, Serialize)]
pub struct KeyRow {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: &'static str,
    /// Since when, or when it was made.
    pub since: String,
    /// The same exactly.
    pub since_at: String,
}

/// Keys that do the same work.
#[derive(Debug, Clone, Serialize)]
pub struct RingRows {
    /// What they are for.
    pub title: &'static str,
    /// The ring's name.
    pub ring: &'static str,
    /// The keys.
    pub keys: Vec<KeyRow>,
    /// Where they are rotated; nothing for who may not.
    pub rotate_path: Option<String>,
}

/// Keys.
#[derive(Debug, Clone, Serialize)]
pub struct KeysPage {
    /// What is around it.
    pub frame: Frame,
    /// By their work.
    pub rings: Vec<RingRows>,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
pub struct EventsPage {
    /// What is around it.
    pub frame: Frame,
    /// The kind that is looked for, or "".
    pub kind: String,
    /// Whom, by address, or "".
    pub person: String,
    /// The kinds to choose from.
    pub kinds: Vec<(String, String)>,
    /// What is wrong with it, or nothing.
    pub error: Option<String>,
    /// The events.
    pub events: Vec<EventRow>,
    /// Whether the page comes again by itself.
    pub live: bool,
    /// The same page, live or still.
    pub other_path: String,
    /// The next page, or nothing.
    pub next: Option<String>,
}

/// An end of many sessions.
#[derive(Debug, Clone, Serialize)]
pub struct EndRow {
    /// Its page.
    pub path: String,
    /// What ends.
    pub what: Vec<(String, String)>,
    /// Why, or nothing.
    pub note: Option<String>,
    /// Who began it.
    pub by: String,
    /// When, in words.
    pub ago: String,
    /// When, exactly.
    pub at: String,
    /// Where it stands.
    pub state: &'static str,
    /// How many were looked at.
    pub looked_at: i64,
    /// How many ended.
    pub ended: i64,
}

/// Ends of many sessions.
#[derive(Debug, Clone, Serialize)]
pub struct EndsPage {
    /// What is around it.
    pub frame: Frame,
    /// The ends, newest first.
    pub ends: Vec<EndRow>,
}

/// How far an end of many sessions came.
#[derive(Debug, Clone, Serialize)]
pub struct EndPage {
    /// What is around it.
    pub frame: Frame,
    /// The end.
    pub end: EndRow,
    /// Where it is stopped; nothing when it is over.
    pub cancel_path: Option<String>,
}

/// Asks before something is done.
#[derive(Debug, Clone, Serialize)]
pub struct ActPage {
    /// What is around it.
    pub frame: Frame,
    /// What will be done.
    pub title: String,
    /// What that means.
    pub text: String,
    /// To what.
    pub facts: Vec<(String, String)>,
    /// Where the form goes.
    pub path: String,
    /// What the button says.
    pub button: &'static str,
    /// Whether a reason is asked for.
    pub reason: bool,
    /// The reason that was typed before.
    pub typed: String,
    /// What is wrong, or nothing.
    pub error: Option<String>,
    /// Where nothing is done.
    pub back: String,
}

/// Signed out of the console.
#[derive(Debug, Clone, Serialize)]
pub struct ConsoleSignedOutPage {
    /// Who was signed in.
    pub email: String,
}

templates! {
    ConsolePage = "console/home.html";
    PeoplePage = "console/people.html";
    PersonPage = "console/person.html";
    SessionsPage = "console/sessions.html";
    ClientsPage = "console/clients.html";
    ClientPage = "console/client.html";
    KeysPage = "console/keys.html";
    EventsPage = "console/events.html";
    EndsPage = "console/ends.html";
    EndPage = "console/end.html";
    ActPage = "console/act.html";
    ConsoleSignedOutPage = "console/signed_out.html";
}
