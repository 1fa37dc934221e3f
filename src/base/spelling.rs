//! What somebody may have meant who wrote a name that is none.

/// No more characters of it are compared.
const LONGEST: usize = 100;

/// The known names that are nearest to `wrong`, so many at most, the nearest first.
pub fn nearest(wrong: &str, known: impl IntoIterator<Item = &'static str>, most: usize) -> Vec<&'static str> {
    let wrong: String = wrong.chars().take(LONGEST).collect();
    let mut found: Vec<_> = known
        .into_iter()
        .map(|name| (distance(&wrong, name), name))
        .collect();
    found.sort_unstable();
    found.into_iter().take(most).map(|(_, name)| name).collect()
}

/// How many characters have to be added, removed or replaced (Levenshtein).
pub fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("ac", ["zzz", "abc", "ab"], 2), ["ab", "abc"]);
        assert_eq!(nearest("", ["b", "a"], 5), ["a", "b"]);
    }
}
