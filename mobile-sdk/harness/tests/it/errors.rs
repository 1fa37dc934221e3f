//! `docs/ERRORS.md` is what app developers go by: it says of each error what the core says.

use postern_mobile_core::ErrorCode;

const DOCUMENT: &str = include_str!("../../../docs/ERRORS.md");

#[test]
fn the_table_of_errors_is_the_enum() {
    let rows: Vec<&str> = DOCUMENT.lines().filter(|line| line.starts_with("| 1")).collect();
    for code in ErrorCode::ALL {
        let row = format!(
            "| {} | `{}` | `{:?}` | ",
            code.number(),
            code.name(),
            code.action()
        );
        assert_eq!(
            rows.iter().filter(|line| line.starts_with(&row)).count(),
            1,
            "{row}"
        );
        let action = format!("| `{:?}` | ", code.action());
        assert!(DOCUMENT.lines().any(|line| line.starts_with(&action)), "{action}");
    }
    assert_eq!(rows.len(), ErrorCode::ALL.len());
}
