//! Secrets cross as bytes, never as text.

use postern_mobile_core::Secret;

uniffi::custom_type!(Secret, Vec<u8>, {
    remote,
    lower: |secret| secret.into_bytes(),
    try_lift: |bytes| Ok(Secret::from(bytes)),
});
