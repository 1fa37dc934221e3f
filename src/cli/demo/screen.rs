//! How the demo looks: marks and colours on a terminal, plain lines everywhere else. 80 columns.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::{
    base::time::{Clock, Instant},
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
    clock: Clock,
    began: Instant,
    steps: u32,
    has_status: bool,
}

impl<'a> Screen<'a> {
    /// Shows on `out`.
    pub(super) fn new(out: &'a mut Output, clock: Clock) -> Self {
        Self {
            out,
            began: clock.now(),
            clock,
            steps: 0,
            has_status: false,
        }
    }

    /// The head of the demo.
    pub(super) fn head(&mut self, title: &str, rows: &[(&str, &str)]) -> Done {
        let title = self.paint(BOLD, title);
        self.out.line(format!("{title}\n"))?;
        for (name, value) in rows {
            let name = self.paint(DIM, &format!("{name:8}"));
            self.out.line(format!("  {name}  {value}"))?;
        }
        Ok(())
    }

    /// From now on the next step takes its time.
    pub(super) fn start(&mut self) {
        self.began = self.clock.now();
    }

    /// How long that is ago.
    pub(super) fn took(&self) -> String {
        took(self.clock.now().since(self.began))
    }

    /// The step is done; the next one begins.
    pub(super) fn step(&mut self, title: &str) -> Done {
        self.steps += 1;
        let (mark, time) = (self.mark("✓", "[ok]", GREEN), self.took());
        let head = if self.out.is_rich() { 5 } else { 8 };
        let title = format!("{} {title}", self.steps);
        let room = WIDTH.saturating_sub(head + time.len());
        let (title, time) = (
            self.paint(BOLD, &format!("{title:room$}")),
            self.paint(DIM, &time),
        );
        self.start();
        self.out.line(format!("\n {mark}  {title} {time}"))
    }

    /// A line below a step.
    pub(super) fn note(&mut self, text: impl Display) -> Done {
        let bar = self.bar();
        self.out.line(format!("{bar}{text}").trim_end())
    }

    /// A token below a step: shortened, and what it says. Of one that follows another only what is new.
    pub(super) fn token(&mut self, name: &str, token: &str, before: Option<&str>) -> Done {
        let (short, title) = (self.paint(DIM, &claims::shorten(token)), self.paint(CYAN, name));
        self.note("")?;
        self.note(format!("{title}  {short}"))?;
        let Some((header, mut claims)) = claims::decode(token) else {
            return Ok(());
        };
        let Some((_, old)) = before.and_then(claims::decode) else {
            self.rows("header", &header)?;
            return self.rows("claims", &claims);
        };
        claims.retain(|name, value| old.get(name) != Some(value));
        self.rows("new", &claims)?;
        self.note(self.paint(DIM, "everything else is as before"))
    }

    /// Names and values below a step.
    pub(super) fn rows(&mut self, name: &str, claims: &Map<String, Value>) -> Done {
        let mut name = format!("{name:8}");
        for (key, lines) in claims::rows(claims, self.clock.now()) {
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
