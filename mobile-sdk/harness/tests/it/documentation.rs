//! Whoever writes an app reads of the SDK's border in their own language: what the FFI says of it is what the core says, of every
//! type, variant, field and function, and goes from there into the bindings.

use std::{collections::BTreeMap, fs, path::Path};

use postern_mobile_core::ErrorCode;

/// What is said of `Type`, `Type::member` and `Type::Variant::field` in the sources of a folder, and of what nothing is said.
fn documented(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = BTreeMap::new();
    for file in fs::read_dir(folder).expect("the sources") {
        let file = file.expect("a file").path();
        if file.is_dir() {
            continue;
        }
        let source = fs::read_to_string(file).expect("text");
        // As rustfmt writes them: what a line belongs to is to be seen by how far it is indented.
        let (mut about, mut path, mut attribute) = (Vec::new(), Vec::new(), false);
        for line in source.lines() {
            let text = line.trim_start();
            let depth = (line.len() - text.len()) / 4;
            if let Some(doc) = text.strip_prefix("///") {
                about.push(doc.trim());
                continue;
            }
            if attribute || text.starts_with("#[") {
                attribute = !text.ends_with(']');
                continue;
            }
            if text.is_empty() {
                continue;
            }
            if depth == 0 {
                path.clear();
            }
            // What a function's line is followed by are its arguments.
            let of_variant = |path: &[String]| {
                path.get(1)
                    .is_some_and(|name| name.starts_with(char::is_uppercase))
            };
            if depth <= path.len()
                && (depth < 2 || of_variant(&path))
                && let Some((name, counts)) = declared(text, depth)
            {
                path.truncate(depth);
                path.push(name);
                if counts {
                    found.insert(path.join("::"), about.join(" "));
                }
            }
            about.clear();
        }
    }
    found
}

/// The name that a line declares, and whether it is one to be documented there.
fn declared(line: &str, depth: usize) -> Option<(String, bool)> {
    let name_in = |rest: &str| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        rest.get(..end.unwrap_or(rest.len()))
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
    };
    let after = |word: &str| line.strip_prefix(word).and_then(name_in);
    match depth {
        0 if line == "codes! {" => Some(("ErrorCode".to_owned(), false)),
        0 => after("pub struct ")
            .or_else(|| after("pub enum "))
            .map(|name| (name, true))
            .or_else(|| Some((after("impl ")?, false))),
        1 => after("pub fn ")
            .or_else(|| after("pub "))
            .or_else(|| name_in(line).filter(|name| name.starts_with(char::is_uppercase)))
            .map(|name| (name, true)),
        2 => name_in(line)
            .filter(|name| line[name.len()..].starts_with(": ") && line.ends_with(','))
            .map(|name| (name, true)),
        _ => None,
    }
}

#[test]
fn what_the_ffi_says_of_itself_is_what_the_core_says() {
    let (core, ffi) = (documented("../core/src"), documented("../ffi/src"));
    for (name, about) in &ffi {
        assert!(!about.is_empty(), "{name} is not documented");
        let Some(said) = core.get(name) else {
            // There it is written by a macro.
            assert_eq!(name, "ErrorCode", "the core has none");
            continue;
        };
        let of_code = ErrorCode::ALL
            .iter()
            .find(|code| *name == format!("ErrorCode::{}", code.name()))
            .map(|code| format!(" Number {}, action `{:?}`.", code.number(), code.action()));
        assert_eq!(*about, format!("{said}{}", of_code.unwrap_or_default()), "{name}");
    }
    // It has seen them: types, their members, what belongs to a variant, and errors.
    for name in [
        "Config::issuer",
        "Core::begin",
        "Effect::Put::expect",
        "ErrorCode::Internal",
        "Moment",
    ] {
        assert!(ffi.contains_key(name), "{name}");
    }
    let errors = ffi.keys().filter(|name| name.starts_with("ErrorCode::"));
    assert_eq!(errors.count(), ErrorCode::ALL.len());
}

#[test]
fn the_table_of_errors_says_of_each_what_the_core_says() {
    let core = documented("../core/src");
    let table = include_str!("../../../docs/ERRORS.md");
    for code in ErrorCode::ALL {
        let said = &core[&format!("ErrorCode::{}", code.name())];
        let row = format!("| `{:?}` | {said} |", code.action());
        assert!(table.contains(&row), "{}: {row}", code.name());
    }
}
