//! `docs/conformance.md` names tests that exist.

use std::fs;

#[test]
fn every_test_in_the_table_exists() {
    let page = fs::read_to_string("docs/conformance.md").expect("the page");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| point"));
    let mut named = 0;
    for row in rows {
        let cell = row.trim_matches('|').rsplit_once(" | ").expect("two cells").1;
        // Each file stands in backquotes, and its tests follow.
        let parts: Vec<&str> = cell.split('`').collect();
        for pair in parts[1..].chunks(2) {
            let [file, tests] = pair else { continue };
            let Some(file) = file.strip_suffix(".rs") else {
                continue;
            };
            let path = format!("tests/it/{}.rs", file.trim_start_matches("tests/it/"));
            let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{path} in {row}"));
            let words = tests.split([',', ';', ' ', '|']).map(str::trim);
            for test in words.filter(|word| word.contains('_')) {
                assert!(text.contains(&format!("fn {test}(")), "{test} in {path}");
                named += 1;
            }
        }
    }
    assert!(named > 40, "{named}");
}
