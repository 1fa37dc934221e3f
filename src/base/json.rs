//! What is looked at before a JSON text from outside is parsed: a parser builds what it reads, however deep that is.

/// Whether a text has at most `bytes` bytes, and at most `depth` arrays and objects inside each other. Says nothing about
/// whether it is JSON.
pub fn is_within(text: &str, bytes: usize, depth: usize) -> bool {
    if text.len() > bytes {
        return false;
    }
    let (mut open, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => open += 1,
            b'}' | b']' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
        if open > depth {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_where_they_nest_and_not_inside_strings() {
        assert!(is_within(r#"{"a":[{}],"b":[]}"#, 100, 3));
        assert!(!is_within(r#"{"a":[{}],"b":[]}"#, 100, 2));
        assert!(is_within(r#"{"a":"[[[[\"[[[["}"#, 100, 1));
        assert!(!is_within(r#"{"a\\":[[]]}"#, 100, 2));
        assert!(!is_within(&"[".repeat(50), 100, 49));
        assert!(!is_within("{}", 1, 9));
    }
}
