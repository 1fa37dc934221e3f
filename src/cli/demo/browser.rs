//! Opens the system browser: what an app does instead of asking for a password itself (RFC 8252 section 5).

use std::{
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::cli::world::World;

/// How long an opener may take to say that it cannot.
const PATIENCE: Duration = Duration::from_millis(700);

/// Whether there is a desktop. Without one, xdg-open would look for a browser in the terminal.
pub(super) fn may_open(world: &World) -> bool {
    let mut displays = ["DISPLAY", "WAYLAND_DISPLAY"].iter();
    cfg!(not(target_os = "linux")) || displays.any(|name| world.variable(name).is_some())
}

/// Whether a browser seems to be opening at `url`.
pub(super) async fn open(url: &str) -> bool {
    let mut command = opener(url);
    let Ok(mut child) = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
    else {
        return false;
    };
    // Some openers stay for as long as the browser: a thread waits for them, not the program.
    let (ended, end) = oneshot::channel();
    thread::spawn(move || ended.send(child.wait().is_ok_and(|status| status.success())));
    tokio::time::timeout(PATIENCE, end)
        .await
        .map_or(true, |ended| ended.unwrap_or(false))
}

#[cfg(target_os = "macos")]
fn opener(url: &str) -> Command {
    let mut command = Command::new("open");
    command.arg(url);
    command
}

#[cfg(windows)]
fn opener(url: &str) -> Command {
    // `cmd /c start` would take the URL's & for the end of the command.
    let mut command = Command::new("rundll32");
    command.args(["url.dll,FileProtocolHandler", url]);
    command
}

#[cfg(not(any(target_os = "macos", windows)))]
fn opener(url: &str) -> Command {
    let mut command = Command::new("xdg-open");
    command.arg(url);
    command
}
