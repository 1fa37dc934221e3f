//! DPoP proofs (RFC 9449).
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_resource_server::{PresentedProof, ProofTime, ProvedRequest, check_proof};

fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = PresentedProof::from_bytes(bytes) else {
        return;
    };
    let request = ProvedRequest {
        method: "POST",
        url: "https://login.example/token",
        ath: None,
    };
    let nonce = |nonce: &str| (nonce == "n").then_some(1_790_000_000);
    for time in [ProofTime::Iat, ProofTime::NonceOrIat(&nonce)] {
        if let Ok(proof) = check_proof(&proof, &request, 1_790_000_000, time) {
            assert!(!proof.jti.is_empty());
        }
    }
});
