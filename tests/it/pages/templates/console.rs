//! Samples of the console's pages.

use postern::web::{
    page::{Page, Pages},
    pages::{
        ActPage, Chart, ClientPage, ClientRow, ClientsPage, Column, ConsoleBrowserRow, ConsolePage,
        ConsoleSignedOutPage, EndPage, EndRow, EndsPage, EventRow, EventsPage, FilterFields, Frame, KeyRow,
        KeysPage, PeoplePage, PersonPage, PersonRow, Place, RingRows, SecretRow, SessionRow, SessionsPage,
        VersionBar,
    },
};

use super::{text, used};

const PATH: &str = "/console/somewhere?x=1&y=%22";

fn frame(full: bool) -> Frame {
    let place = |here| Place {
        path: "/console",
        title: "Overview",
        here,
    };
    Frame {
        email: text(full),
        role: "owner",
        csrf: text(full),
        places: if full {
            vec![place(true), place(false)]
        } else {
            Vec::new()
        },
        notice: full.then_some("The session has ended."),
    }
}

fn some<T>(full: bool, item: impl Fn() -> T) -> Vec<T> {
    if full { vec![item(), item()] } else { Vec::new() }
}

fn path(full: bool) -> Option<String> {
    full.then(|| PATH.to_owned())
}

fn chart(full: bool, id: &'static str) -> Chart {
    let column = || Column {
        label: text(full),
        good: 3,
        bad: 1,
        x: 3.0,
        up: 100.0,
        down: 33.3,
    };
    Chart {
        id,
        title: "The last 24 hours",
        summary: text(full),
        columns: some(full, column),
        width: 24.0,
        most: 3,
    }
}

fn version(full: bool) -> VersionBar {
    VersionBar {
        app: text(full),
        version: full.then(|| text(full)),
        sessions: 7,
        length: 70.5,
        path: PATH.to_owned(),
    }
}

fn session(full: bool) -> SessionRow {
    SessionRow {
        id: text(full),
        person: full.then(|| text(full)),
        person_path: PATH.to_owned(),
        app: text(full),
        version: full.then(|| text(full)),
        device: text(full),
        address: full.then(|| text(full)),
        used: used(),
        end_path: path(full),
    }
}

fn event(full: bool) -> EventRow {
    EventRow {
        what: text(full),
        kind: text(full),
        ago: text(full),
        at: "2026-11-22T10:00:00Z".to_owned(),
        person: full.then(|| text(full)),
        person_path: PATH.to_owned(),
        app: full.then(|| text(full)),
        address: full.then(|| text(full)),
        by: full.then(|| text(full)),
        facts: some(full, || (text(full), text(full))),
    }
}

fn person(full: bool) -> PersonRow {
    PersonRow {
        path: PATH.to_owned(),
        email: text(full),
        name: text(full),
        role: full.then_some("support"),
        disabled: full,
        added: text(full),
    }
}

fn client(full: bool) -> ClientRow {
    ClientRow {
        path: PATH.to_owned(),
        id: text(full),
        name: text(full),
        kind: text(full),
    }
}

fn end(full: bool) -> EndRow {
    EndRow {
        path: PATH.to_owned(),
        what: some(full, || (text(full), text(full))),
        note: full.then(|| text(full)),
        by: text(full),
        ago: text(full),
        at: "2026-11-22T10:00:00Z".to_owned(),
        state: "Under way",
        looked_at: 7,
        ended: 3,
    }
}

fn key() -> KeyRow {
    KeyRow {
        id: text(true),
        state: "In use",
        since: text(true),
        since_at: "2026-11-22T10:00:00Z".to_owned(),
    }
}

type Show<'a> = dyn FnMut(Result<String, minijinja::Error>, &'static str) + 'a;

/// Shows every page of the console.
#[expect(clippy::too_many_lines, reason = "a sample of each page")]
pub(super) fn show(full: bool, pages: &Pages, show: &mut Show<'_>) {
    fn one<P: Page>(pages: &Pages, show: &mut Show<'_>, page: &P) {
        show(pages.render(page), P::TEMPLATE);
    }
    one(
        pages,
        show,
        &ConsolePage {
            frame: frame(full),
            permissions: if full { vec!["See people"] } else { Vec::new() },
            fresh: full,
            charts: if full {
                vec![chart(full, "hours"), chart(full, "days")]
            } else {
                vec![chart(full, "hours")]
            },
            versions: Some(some(full, || version(full))),
            counted_at: full.then(|| text(full)),
            newest: Some(some(full, || session(full))),
        },
    );
    one(
        pages,
        show,
        &PeoplePage {
            frame: frame(full),
            begins: text(full),
            people: some(full, || person(full)),
            next: path(full),
        },
    );
    one(
        pages,
        show,
        &PersonPage {
            frame: frame(full),
            id: text(full),
            person: person(full),
            disabled_at: full.then(|| text(full)),
            apps: Some(some(full, || session(full))),
            apps_path: PATH.to_owned(),
            more_apps: full,
            browsers: some(full, || ConsoleBrowserRow {
                label: text(full),
                used: used(),
                end_path: path(full),
            }),
            history: Some(some(full, || event(full))),
            history_path: PATH.to_owned(),
            end_path: path(full),
            switch_path: path(full),
        },
    );
    of_sessions(full, pages, show);
    one(
        pages,
        show,
        &ClientsPage {
            frame: frame(full),
            clients: some(full, || client(full)),
        },
    );
    one(
        pages,
        show,
        &ClientPage {
            frame: frame(full),
            client: client(full),
            settings: some(full, || (text(full), text(full))),
            secrets: some(full, || SecretRow {
                id: text(full),
                made: text(full),
                used: full.then(|| text(full)),
                ends: full.then(|| text(full)),
                good: !full,
            }),
            versions: Some(some(full, || version(full))),
            sessions_path: path(full),
            end_path: path(full),
        },
    );
    one(
        pages,
        show,
        &KeysPage {
            frame: frame(full),
            rings: some(full, || RingRows {
                title: "Sign tokens",
                ring: "mac",
                keys: vec![key()],
                rotate_path: path(full),
            }),
        },
    );
    one(
        pages,
        show,
        &EventsPage {
            frame: frame(full),
            kind: text(full),
            person: text(full),
            kinds: some(full, || (text(full), text(full))),
            error: full.then(|| text(full)),
            events: some(full, || event(full)),
            live: full,
            other_path: PATH.to_owned(),
            next: path(full),
        },
    );
    one(pages, show, &ConsoleSignedOutPage { email: text(full) });
}

fn of_sessions(full: bool, pages: &Pages, show: &mut Show<'_>) {
    let fields = FilterFields {
        person: text(full),
        client: text(full),
        app_version: text(full),
        device: text(full),
        address: text(full),
        unused_days: text(full),
    };
    let page = SessionsPage {
        frame: frame(full),
        fields,
        clients: some(full, || (text(full), text(full))),
        error: full.then(|| text(full)),
        sessions: some(full, || session(full)),
        looked_at: 7,
        next: path(full),
        end_path: path(full),
    };
    show(pages.render(&page), SessionsPage::TEMPLATE);
    let page = EndsPage {
        frame: frame(full),
        ends: some(full, || end(full)),
    };
    show(pages.render(&page), EndsPage::TEMPLATE);
    let page = EndPage {
        frame: frame(full),
        end: end(full),
        cancel_path: path(full),
    };
    show(pages.render(&page), EndPage::TEMPLATE);
    let page = ActPage {
        frame: frame(full),
        title: if full { text(full) } else { "End it?".to_owned() },
        text: text(full),
        facts: some(full, || (text(full), text(full))),
        path: PATH.to_owned(),
        button: "End it",
        reason: full,
        typed: text(full),
        error: full.then(|| text(full)),
        back: PATH.to_owned(),
    };
    show(pages.render(&page), ActPage::TEMPLATE);
}
