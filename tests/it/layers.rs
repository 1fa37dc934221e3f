//! Imports go downward only.

use std::{fs, path::Path};

/// From the bottom to the top; a file may use its own layer and those below. The tables know nothing of what is held in
/// memory, which is filled from them.
const LAYERS: [&[&str]; 9] = [
    &["base"],
    &["domain"],
    &["store"],
    &["ports"],
    &["flows"],
    &["web", "jobs"],
    &["config", "telemetry"],
    &["app", "server"],
    &["cli"],
];

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn no_layer_uses_one_above_it() {
    let mut wrong = Vec::new();
    visit(Path::new("src"), &mut |path, text| {
        let module = path
            .components()
            .nth(1)
            .expect("a file in src")
            .as_os_str()
            .to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        let Some(own) = layer_of(&module) else {
            assert!(
                ["main", "lib"].contains(&module.as_str()),
                "{module} has no layer yet"
            );
            return;
        };
        for used in used_modules(text) {
            if layer_of(&used).is_some_and(|layer| layer > own) {
                wrong.push(format!(
                    "{} ({module}) uses {used}, which is above it",
                    path.display()
                ));
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an edge may do with the database in its hand: say how it is, and hand it to what holds things in memory.
const NO_QUESTIONS: [&str; 3] = [
    "readiness.judge(&provider.clock, &provider.db)",
    "provider.db.losses()",
    ".ensure_recent_unless_busy(&provider.db, &provider.clock)",
];

#[test]
fn no_edge_asks_the_database_itself() {
    let mut wrong = Vec::new();
    for edge in ["src/web", "src/cli"] {
        visit(Path::new(edge), &mut |path, text| {
            // Also the calls of a store function, however they are broken into lines: all take the provider's `db`.
            let asks = |line: &&str| {
                let word = |at: usize| line[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
                let field = line.match_indices(".db").any(|(at, db)| !word(at + db.len()));
                let is_file_name = line.contains(".db\"");
                field && !is_file_name && !NO_QUESTIONS.iter().any(|known| line.contains(known))
            };
            for line in text.lines().filter(asks) {
                wrong.push(format!("{}: {}", path.display(), line.trim()));
            }
        });
    }
    assert!(
        wrong.is_empty(),
        "a verb in flows does this:\n{}",
        wrong.join("\n")
    );
}

/// The modules behind every `crate::`, also in `use crate::{a, b}`.
fn used_modules(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0usize;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push(std::mem::take(&mut word)),
                    c if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            found.push(word);
        } else {
            found.push(rest.to_owned());
        }
    }
    found
        .iter()
        .map(|path| {
            path.trim()
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("")
                .to_owned()
        })
        .collect()
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path, &fs::read_to_string(&path).expect("text"));
        }
    }
}
