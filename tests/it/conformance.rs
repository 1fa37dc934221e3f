//! `docs/conformance.md` names tests that exist.

use std::{fs, path::Path};

#[test]
fn every_test_in_the_table_exists() {
    let page = fs::read_to_string("docs/conformance.md").expect("the page");
    let quoted = page.split('`').skip(1).step_by(2);
    let named: Vec<&str> = quoted.filter(|words| words.contains("::")).collect();
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        let (module, wanted) = name.rsplit_once("::").expect("a module and a test");
        let path = format!("tests/it/{}", module.replace("::", "/"));
        let files = [format!("{path}.rs"), format!("{path}/mod.rs")];
        let file = files.iter().find(|file| Path::new(file).is_file());
        let text = fs::read_to_string(file.unwrap_or_else(|| panic!("{name}: no {path}.rs")));
        let has_it = wanted == "*" || text.expect("text").contains(&format!("fn {wanted}("));
        assert!(has_it, "{name}");
    }
}
