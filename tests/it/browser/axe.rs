//! axe-core: what a screen reader's user would trip over in the page that is shown.

use std::{fs, path::PathBuf, sync::OnceLock};

use serde_json::Value;

use super::driver::{Session, skip};

/// One line for each element that breaks a rule: the rule, how bad, what is wrong, where.
pub(super) async fn violations(session: &Session) -> Vec<String> {
    let Some(axe) = source() else { return Vec::new() };
    let script = format!(
        "{axe}\nreturn axe.run(document, {{ resultTypes: ['violations'] }}).then(r => r.violations);"
    );
    let found = session
        .execute(&script)
        .await
        .unwrap_or_else(|refusal| panic!("axe: {refusal}"));
    let rules = found.as_array().expect("a list of violations");
    rules
        .iter()
        .flat_map(|rule| elements(rule).iter().map(move |element| line(rule, element)))
        .collect()
}

fn elements(rule: &Value) -> &[Value] {
    rule["nodes"].as_array().map_or(&[], Vec::as_slice)
}

fn line(rule: &Value, element: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{} ({}): {}: {} {}",
        text(&rule["id"]),
        text(&rule["impact"]),
        text(&rule["help"]),
        element["target"],
        text(&element["html"]),
    )
}

/// axe-core as one script, read once.
fn source() -> Option<&'static str> {
    static SOURCE: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let file: PathBuf = [
            env!("CARGO_MANIFEST_DIR"),
            "target/tools/node_modules/axe-core/axe.min.js",
        ]
        .iter()
        .collect();
        let source = fs::read_to_string(&file).ok();
        if source.is_none() {
            skip(&format!("the accessibility checks: no {}", file.display()));
        }
        source
    };
    SOURCE.get_or_init(read).as_deref()
}
