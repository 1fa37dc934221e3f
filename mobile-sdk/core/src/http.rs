pub(crate) fn date(_: &str) -> Option<i64> { None }
