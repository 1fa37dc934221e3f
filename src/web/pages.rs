//! Every page's typed context. `templates/README.md` says what each page is for.

use serde::Serialize;

use crate::web::page::Page;

macro_rules! templates {
    ($($page:ident = $template:literal;)*) => {
        $(impl Page for $page {
            const TEMPLATE: &'static str = $template;
        })*
    };
}

mod console;

pub use self::console::*;

/// A scope for people.
#[derive(Debug, Clone, Serialize)]
pub struct ScopeText {
    /// The scope.
    pub name: String,
    /// A few words.
    pub title: String,
    /// One sentence.
    pub description: String,
}

/// Asks for address and password.
#[derive(Debug, Clone, Serialize)]
pub struct SignInPage {
    /// The app that it leads to; none for the account page.
    pub client_name: Option<String>,
    /// The sealed request.
    pub request: String,
    /// The address to fill in.
    pub email: String,
    /// Whether the person is known and has to prove it again.
    pub fixed: bool,
    /// What went wrong.
    pub error: Option<String>,
}

/// Asks whether the app may have what it wants.
#[derive(Debug, Clone, Serialize)]
pub struct ConsentPage {
    /// The app.
    pub client_name: String,
    /// Who is asked.
    pub email: String,
    /// The sealed request.
    pub request: String,
    /// What it wants.
    pub scopes: Vec<ScopeText>,
    /// The same in finer grain: what, and every value of it.
    pub details: Vec<(String, Vec<(String, String)>)>,
    /// Where the answer goes, in words.
    pub destination: String,
    /// Whether nobody has checked what the app says of itself.
    pub unchecked: bool,
    /// The host of an app whose id is an address; "" of all others.
    pub host: String,
}

/// One tap.
#[derive(Debug, Clone, Serialize)]
pub struct ContinuePage {
    /// The app.
    pub client_name: String,
    /// As whom.
    pub email: String,
    /// The sealed request.
    pub request: String,
    /// Where the answer goes, in words.
    pub destination: String,
}

/// Asks for the code that a device shows.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceCodePage {
    /// The sealed request.
    pub request: String,
    /// The code to fill in.
    pub user_code: String,
    /// What went wrong.
    pub error: Option<String>,
}

/// Asks whether a device may have what it wants.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceConsentPage {
    /// The app on the device.
    pub client_name: String,
    /// Who is asked.
    pub email: String,
    /// The sealed request.
    pub request: String,
    /// The code that the device has to show.
    pub user_code: String,
    /// What it wants.
    pub scopes: Vec<ScopeText>,
    /// Whether nobody has checked what the app says of itself.
    pub unchecked: bool,
    /// The host of an app whose id is an address; "" of all others.
    pub host: String,
    /// The same in finer grain.
    pub details: Vec<(String, Vec<(String, String)>)>,
}

/// The device was told.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceDonePage {
    /// The app on the device.
    pub client_name: String,
    /// Who decided.
    pub email: String,
    /// What.
    pub allowed: bool,
}

/// Posts the answer to a client (OAuth 2.0 Form Post Response Mode).
#[derive(Debug, Clone, Serialize)]
pub struct FormPostPage {
    /// The app.
    pub client_name: String,
    /// Its redirect URI.
    pub action: String,
    /// The parameters of the answer.
    pub fields: Vec<(&'static str, String)>,
    /// What submits the form; the page's policy names its hash.
    pub script: &'static str,
}

/// This request is not this browser's, or it is too old.
#[derive(Debug, Clone, Serialize)]
pub struct StartAgainPage {
    /// The app.
    pub client_name: Option<String>,
    /// Why.
    pub reason: String,
    /// The request's parameters.
    pub parameters: Vec<(&'static str, String)>,
}

/// This sign-in has been used.
#[derive(Debug, Clone, Serialize)]
pub struct FinishedPage {
    /// The app.
    pub client_name: Option<String>,
    /// The request's parameters.
    pub parameters: Vec<(&'static str, String)>,
}

/// Something is wrong, and no redirect may tell the app.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorPage {
    /// The HTTP status.
    pub status: u16,
    /// A few words.
    pub title: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
    /// The OAuth error code.
    pub code: Option<&'static str>,
    /// By which the operator finds it in the log.
    pub request_id: String,
}

/// Asks whether to sign out.
#[derive(Debug, Clone, Serialize)]
pub struct LogoutPage {
    /// The app that asks for it.
    pub client_name: Option<String>,
    /// Who is signed in in this browser.
    pub email: Option<String>,
    /// The sealed request.
    pub request: String,
}

/// Signed out.
#[derive(Debug, Clone, Serialize)]
pub struct SignedOutPage {
    /// Who was signed in.
    pub email: Option<String>,
    /// How far that reached: `here`, `opened_here` or `everywhere`.
    pub reach: &'static str,
}

/// The account page.
#[derive(Debug, Clone, Serialize)]
pub struct AccountPage {
    /// Who is signed in.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The token of the page's forms.
    pub csrf: String,
    /// What was done.
    pub notice: Option<String>,
    /// What is wrong with the new password.
    pub error: Option<String>,
    /// Browser sessions.
    pub browsers: Vec<BrowserRow>,
    /// Device sessions.
    pub devices: Vec<DeviceRow>,
    /// What apps may do.
    pub consents: Vec<ConsentRow>,
}

/// What the person has allowed an app.
#[derive(Debug, Clone, Serialize)]
pub struct ConsentRow {
    /// The app.
    pub app: String,
    /// Its id.
    pub client: String,
    /// What it may do, in a few words each.
    pub scopes: Vec<String>,
}

/// A browser session in the list.
#[derive(Debug, Clone, Serialize)]
pub struct BrowserRow {
    /// Its id.
    pub id: String,
    /// What the browser says it is.
    pub label: String,
    /// Whether it is this one.
    pub here: bool,
    /// When it was used.
    #[serde(flatten)]
    pub used: Used,
}

/// A device session in the list.
#[derive(Debug, Clone, Serialize)]
pub struct DeviceRow {
    /// Its id.
    pub id: String,
    /// The app.
    pub app: String,
    /// What the browser said it is.
    pub device: String,
    /// Whether it was opened from this browser.
    pub here: bool,
    /// When it was used.
    #[serde(flatten)]
    pub used: Used,
}

/// First and last use, in words and as RFC 3339.
#[derive(Debug, Clone, Serialize)]
pub struct Used {
    /// First use, in words.
    pub first_used: String,
    /// Last use, in words.
    pub last_used: String,
    /// First use, exactly.
    pub first_used_at: String,
    /// Last use, exactly.
    pub last_used_at: String,
}

templates! {
    SignInPage = "sign_in/password.html";
    ConsentPage = "oauth/consent.html";
    ContinuePage = "oauth/continue.html";
    DeviceCodePage = "oauth/device_code.html";
    DeviceConsentPage = "oauth/device_consent.html";
    DeviceDonePage = "oauth/device_done.html";
    FormPostPage = "oauth/form_post.html";
    StartAgainPage = "oauth/start_again.html";
    FinishedPage = "oauth/finished.html";
    ErrorPage = "error.html";
    LogoutPage = "oauth/logout.html";
    SignedOutPage = "sign_in/signed_out.html";
    AccountPage = "account/overview.html";
}
