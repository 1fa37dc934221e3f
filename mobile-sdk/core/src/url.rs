pub(crate) fn is_endpoint(_: &str, _: bool) -> bool { true }
pub(crate) fn is_plain(_: &str) -> bool { true }
