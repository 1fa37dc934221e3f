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
    use proptest::prelude::*;
    use serde_json::{Value, json};

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

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(all) => 1 + all.iter().map(depth).max().unwrap_or(0),
            Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn it_counts_as_a_parser_does(leaf in "[\\[\\]{}\"\\\\a]{0,6}", nest in prop::collection::vec(any::<bool>(), 0..12)) {
            let start = Value::String(leaf.clone());
            let value = nest.iter().fold(start, |inner, is_list| {
                if *is_list { json!([inner, leaf]) } else { json!({ leaf.clone(): inner }) }
            });
            let text = value.to_string();
            prop_assert!(is_within(&text, text.len(), depth(&value)));
            prop_assert!(nest.is_empty() || !is_within(&text, text.len(), depth(&value) - 1));
            prop_assert!(!is_within(&text, text.len() - 1, depth(&value)));
        }
    }
}
