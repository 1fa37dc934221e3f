//! Aligned columns for people.

/// A table: headings in capitals, two spaces between columns, nothing behind the last one, `-` where there is nothing.
pub(super) fn table<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let shown = |cell: String| if cell.is_empty() { "-".to_owned() } else { cell };
    let rows = rows.into_iter().map(|row| row.map(shown));
    let rows: Vec<_> = std::iter::once(headings.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let lines = rows.iter().map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

/// Names and values, one a line, the values below each other.
pub(super) fn facts(rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(name, _)| width(name)).max().unwrap_or_default();
    let lines = rows
        .iter()
        .map(|(name, value)| format!("{name:widest$}  {value}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            ["a".to_owned(), "ünï".to_owned(), String::new()],
            ["bcd".to_owned(), "e".to_owned(), "f".to_owned()],
        ];
        assert_eq!(
            table(["ID", "NAME", "X"], rows),
            "ID   NAME  X\na    ünï   -\nbcd  e     f"
        );
        assert_eq!(
            facts(&[("a", "1".to_owned()), ("bcd", String::new())]),
            "a    1\nbcd"
        );
    }
}
