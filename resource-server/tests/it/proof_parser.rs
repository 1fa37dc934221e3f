//! Whatever is sent in the place of a proof: no panic, and no second spelling of a good one.

use std::sync::LazyLock;

use postern_resource_server::{PresentedProof, Proof, ProofError, ProofTime, ProvedRequest, check_proof};
use proptest::prelude::*;

use crate::harness::signer::base64;
use crate::harness::{NOW, Prover, proof_claims};

const URL: &str = "https://id.example.com/token";

fn check(proof: &[u8]) -> Result<Proof, ProofError> {
    let request = ProvedRequest {
        method: "POST",
        url: URL,
        ath: None,
    };
    check_proof(&PresentedProof::from_bytes(proof)?, &request, NOW, ProofTime::Iat)
}

static GOOD: LazyLock<[String; 3]> = LazyLock::new(|| {
    ["ES256", "EdDSA", "PS256"].map(|alg| {
        let prover = Prover::with_algorithm(alg);
        prover.sign(&prover.header(), &proof_claims("POST", URL, NOW))
    })
});

/// JSON of any shape, with the names that mean something among others.
fn json() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "typ", "alg", "jwk", "crit", "kty", "crv", "x", "y", "n", "e", "d", "jti", "htm", "htu", "iat",
        "ath", "nonce",
    ]);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "\\PC{0,20}".prop_map(|text| format!("{text:?}")),
        prop::sample::select(vec![
            "dpop+jwt", "ES256", "PS256", "EC", "RSA", "OKP", "P-256", "AQAB", "POST", URL
        ])
        .prop_map(|text| format!("{text:?}")),
    ];
    leaf.prop_recursive(4, 32, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((name.clone(), inner), 0..8).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("{name:?}:{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        prop_assert!(check(&bytes).is_err());
    }

    #[test]
    fn any_three_parts_are_refused(header in json(), claims in json(), signature in prop::collection::vec(any::<u8>(), 0..100)) {
        let [header, claims] = [header, claims].map(|part| base64(part.as_bytes()));
        let proof = format!("{header}.{claims}.{}", base64(&signature));
        prop_assert!(check(proof.as_bytes()).is_err());
    }

    #[test]
    fn any_altered_byte_of_a_good_proof_is_refused(which in 0..3usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = GOOD[which].as_bytes();
        prop_assert!(check(good).is_ok());
        let mut altered = good.to_vec();
        let at = at.index(altered.len());
        prop_assume!(altered[at] != byte);
        altered[at] = byte;
        prop_assert!(check(&altered).is_err(), "byte {} to {}", at, byte);
    }

    #[test]
    fn any_url_compares_without_a_panic(htu in "\\PC{0,60}", path in "/[a-z%A-F0-9./]{0,20}") {
        let prover = &*PROVER;
        for htu in [htu, format!("https://id.example.com{path}")] {
            let url = format!("https://id.example.com{path}");
            let proof = prover.sign(&prover.header(), &proof_claims("POST", &htu, NOW));
            let request = ProvedRequest { method: "POST", url: &url, ath: None };
            let Ok(presented) = PresentedProof::from_bytes(proof.as_bytes()) else { continue };
            let checked = check_proof(&presented, &request, NOW, ProofTime::Iat);
            prop_assert_eq!(checked.is_ok(), htu == url);
        }
    }
}

static PROVER: LazyLock<Prover> = LazyLock::new(Prover::new);
