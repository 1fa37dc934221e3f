//! How the demo looks: boxes, marks and colours on a terminal, plain lines everywhere else. 80 columns.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    base::time::{Instant, Lifetime},
    cli::{
        demo::claims,
        output::{Output, Unwritable},
        words::took,
    },
};

type Done = Result<(), Unwritable>;

const WIDTH: usize = 80;
const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

/// The demo's output.
#[derive(Debug)]
pub(super) struct Screen<'a> {
    out: &'a mut Output,
    steps: u32,
    has_status: bool,
}

impl<'a> Screen<'a> {
    /// Shows on `out`.
    pub(super) fn new(out: &'a mut Output) -> Self {
        Self {
            out,
            steps: 0,
            has_status: false,
        }
    }

    /// The head of the demo.
    pub(super) fn banner(&mut self, title: &str, rows: &[(&str, &str)]) -> Done {
        let name = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let lines = rows.iter().map(|(key, value)| (format!("{key:name$}"), *value));
        if !self.out.is_rich() {
            self.out.line(title)?;
            self.out.line("")?;
            return lines
                .into_iter()
                .try_for_each(|(key, value)| self.out.line(format!("  {key}  {value}")));
        }
        let inner = WIDTH - 4;
        let edge = "─".repeat(inner + 2);
        let side = self.paint(DIM, "│");
        let (top, bottom) = (
            self.paint(DIM, &format!("╭{edge}╮")),
            self.paint(DIM, &format!("╰{edge}╯")),
        );
        self.out.line(top)?;
        let text = self.paint(BOLD, &format!("{title:inner$}"));
        self.out.line(format!("{side} {text} {side}"))?;
        for (key, value) in lines {
            let (key, rest) = (self.paint(DIM, &key), inner.saturating_sub(name + 2));
            let value = tail(value, rest);
            self.out.line(format!("{side} {key}  {value:rest$} {side}"))?;
        }
        self.out.line(bottom)
    }

    /// A step that is done, and the time that it took.
    pub(super) fn step(&mut self, title: &str, time: Lifetime) -> Done {
        self.steps += 1;
        let (mark, time) = (self.mark("✓", "[ok]", GREEN), took(time));
        let head = if self.out.is_rich() { 5 } else { 8 };
        let title = format!("{} {title}", self.steps);
        let room = WIDTH.saturating_sub(head + time.len());
        let (title, time) = (
            self.paint(BOLD, &format!("{title:room$}")),
            self.paint(DIM, &time),
        );
        self.out.line(format!("\n {mark}  {title} {time}"))
    }

    /// A line below a step.
    pub(super) fn note(&mut self, text: impl Display) -> Done {
        let bar = self.bar();
        self.out.line(format!("{bar}{text}").trim_end())
    }

    /// A token below a step: shortened, and what it says.
    pub(super) fn token(&mut self, name: &str, token: &str, now: Instant) -> Done {
        let short = self.paint(DIM, &claims::shorten(token));
        let title = self.paint(CYAN, name);
        self.note("")?;
        self.note(format!("{title}  {short}"))?;
        if let Some((header, claims)) = claims::decode(token) {
            self.rows("header", &header, now)?;
            self.rows("claims", &claims, now)?;
        }
        Ok(())
    }

    /// A token that follows another: what it says anew.
    pub(super) fn news(&mut self, name: &str, token: &str, before: &str, now: Instant) -> Done {
        let (short, title) = (self.paint(DIM, &claims::shorten(token)), self.paint(CYAN, name));
        self.note("")?;
        self.note(format!("{title}  {short}"))?;
        if let (Some((_, claims)), Some((_, old))) = (claims::decode(token), claims::decode(before)) {
            let new = claims
                .into_iter()
                .filter(|(name, value)| old.get(name) != Some(value));
            self.rows("new", &new.collect(), now)?;
            self.note(self.paint(DIM, "everything else is as before"))?;
        }
        Ok(())
    }

    /// Names and values below a step.
    pub(super) fn rows(&mut self, name: &str, claims: &Map<String, Value>, now: Instant) -> Done {
        let mut name = format!("{name:8}");
        for (key, lines) in claims::rows(claims, now) {
            let mut key = format!("{key:10}");
            for line in lines {
                let (head, tail) = (self.paint(DIM, &name), self.paint(DIM, &key));
                self.note(format!("{head}{tail} {line}"))?;
                name = " ".repeat(name.len());
                key = " ".repeat(key.len());
            }
        }
        Ok(())
    }

    /// A paragraph.
    pub(super) fn say(&mut self, text: impl Display) -> Done {
        self.out.line(format!("\n{text}"))
    }

    /// The link that the person opens: a line of its own that begins with `http`, also on a terminal, so that it can be
    /// copied, and found by scripts.
    pub(super) fn link(&mut self, before: &str, url: &str) -> Done {
        let before = self.paint(BOLD, before);
        self.out.line(format!("\n{before}\n\n{url}\n"))
    }

    /// Something went another way.
    pub(super) fn warn(&mut self, text: impl Display) -> Done {
        self.clear_status()?;
        let (mark, text) = (
            self.mark("!", "[!]", YELLOW),
            self.paint(YELLOW, &text.to_string()),
        );
        self.out.line(format!("\n {mark}  {text}"))
    }

    /// What is going on, on a line that the next one replaces; only where lines can be replaced.
    pub(super) fn status(&mut self, text: &str) -> Done {
        if !self.out.is_rich() {
            return Ok(());
        }
        self.has_status = true;
        let text = self.paint(DIM, text);
        self.out.text(format!("\r\x1b[2K {text}"))
    }

    fn clear_status(&mut self) -> Done {
        if std::mem::take(&mut self.has_status) {
            self.out.text("\r\x1b[2K")?;
        }
        Ok(())
    }

    /// Text that is emphasised, where that can be shown.
    pub(super) fn strong(&self, text: &str) -> String {
        self.paint(BOLD, text)
    }

    fn mark(&self, rich: &str, plain: &str, color: &str) -> String {
        if self.out.is_rich() {
            self.paint(color, rich)
        } else {
            plain.to_owned()
        }
    }

    fn bar(&self) -> String {
        if self.out.is_rich() {
            format!("    {} ", self.paint(DIM, "│"))
        } else {
            "      ".to_owned()
        }
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.out.is_rich() {
            format!("\x1b[{color}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The end of what is too long: of a path it says the most.
fn tail(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(length - width.saturating_sub(1)).collect();
    format!("…{end}")
}
