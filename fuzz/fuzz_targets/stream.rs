//! Revocation streams, in any pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_resource_server::StreamParser;

fuzz_target!(|bytes: &[u8]| {
    let whole = StreamParser::new().read(bytes);
    let mut parser = StreamParser::new();
    let pieces: Result<Vec<_>, _> = bytes.chunks(7).map(|piece| parser.read(piece)).collect();
    assert_eq!(whole, pieces.map(|events| events.concat()));
});
