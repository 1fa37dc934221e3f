//! The pages of `docs/verify`: what they show is what is run.

use std::fs;

/// The first block of this language on a page.
pub(super) fn block(page: &str, language: &str) -> String {
    let path = format!("docs/verify/{page}");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (_, rest) = text
        .split_once(&format!("```{language}\n"))
        .unwrap_or_else(|| panic!("{path} has no block of {language}"));
    let (block, _) = rest.split_once("```").expect("the block ends");
    block.to_owned()
}

/// The text with something in the place of what the page says; exactly once.
pub(super) fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from} in\n{text}");
    text.replace(from, to)
}
