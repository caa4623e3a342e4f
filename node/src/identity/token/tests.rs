//! Every way in which a token is not believed.

use jsonwebtoken::{EncodingKey, Header, encode};

use super::*;
use crate::identity::DevIssuer;

const NOW_S: u64 = 4_000_000_000;

fn issuer() -> (tempfile::TempDir, DevIssuer, Verifier) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = DevIssuer::open(folder.path()).unwrap();
    let verifier = Verifier::new(&issuer.identity()).unwrap();
    (folder, issuer, verifier)
}

fn signed(folder: &tempfile::TempDir, header: &Header, claims: &serde_json::Value) -> String {
    let pem = std::fs::read(folder.path().join("token-key.pem")).unwrap();
    encode(header, claims, &EncodingKey::from_rsa_pem(&pem).unwrap()).unwrap()
}

fn claims() -> serde_json::Value {
    serde_json::json!({
        "sub": "USER-2026-001", "iss": "https://auth.wia.live", "aud": "carbon-credit-micro",
        "iat": NOW_S, "exp": NOW_S + 3600, "scope": ["credits:read"],
        "wallets": ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    })
}

fn rs256() -> Header {
    Header { kid: Some("wia-key-001".into()), ..Header::new(Algorithm::RS256) }
}

#[test]
fn a_dev_token_is_its_user_with_wallets_and_scopes() {
    let (_folder, issuer, verifier) = issuer();
    let wallet = Address::repeat_byte(7);
    let user = verifier.verify(&issuer.token("USER-2026-001", &[wallet], NOW_S).unwrap()).unwrap();
    assert_eq!((user.id.as_str(), user.wallets), ("USER-2026-001", BTreeSet::from([wallet])));
}

#[test]
fn scope_may_be_text_or_array() {
    let (folder, _, verifier) = issuer();
    for scope in [serde_json::json!(["credits:read", "x"]), serde_json::json!("credits:read x")] {
        let mut claims = claims();
        claims["scope"] = scope;
        let user = verifier.verify(&signed(&folder, &rs256(), &claims)).unwrap();
        assert!(user.may(Scope::CreditsRead) && !user.may(Scope::CreditsWrite));
    }
}

#[test]
fn every_form_of_a_claim_that_rfc_7519_allows_is_read() {
    let (folder, _, verifier) = issuer();
    let mut claims = claims();
    claims["aud"] = serde_json::json!(["carbon-credit-micro", "battery-passport"]);
    claims["exp"] = serde_json::json!(4_000_003_600.5);
    for absent in ["iat", "scope", "wallets"] {
        claims.as_object_mut().unwrap().remove(absent);
    }
    let user = verifier.verify(&signed(&folder, &rs256(), &claims)).unwrap();
    assert_eq!((user.expires_at_s, user.wallets.len()), (NOW_S + 3600, 0));
    assert!(!user.may(Scope::CreditsRead));
}

#[test]
fn claims_of_other_types_are_refused_without_inner_text() {
    let (folder, _, verifier) = issuer();
    for (claim, value) in [("sub", serde_json::json!(7)), ("wallets", serde_json::json!(["0x12"]))] {
        let mut claims = claims();
        claims[claim] = value;
        let error = verifier.verify(&signed(&folder, &rs256(), &claims)).unwrap_err().to_string();
        assert!(error.contains("cannot be read") && !error.contains("invalid type"), "{error}");
    }
}

#[test]
fn what_is_not_believed_says_why() {
    let (folder, _, verifier) = issuer();
    let cases = [
        ("exp", serde_json::json!(1), "expired"),
        ("iss", serde_json::json!("https://elsewhere"), "iss"),
        ("aud", serde_json::json!("battery-passport"), "aud"),
        ("nbf", serde_json::json!(NOW_S), "not valid yet"),
    ];
    for (claim, value, word) in cases {
        let mut claims = claims();
        claims[claim] = value;
        let error = verifier.verify(&signed(&folder, &rs256(), &claims)).unwrap_err().to_string();
        assert!(error.contains(word), "{claim}: {error}");
    }
    let stranger = Header { kid: Some("other".into()), ..rs256() };
    assert!(matches!(
        verifier.verify(&signed(&folder, &stranger, &claims())),
        Err(TokenError::UnknownKid(kid)) if kid == "other"
    ));
    let nobody = Header { kid: None, ..rs256() };
    assert!(matches!(verifier.verify(&signed(&folder, &nobody, &claims())), Err(TokenError::NoKid)));
    let hs256 = Header { kid: Some("wia-key-001".into()), ..Header::new(Algorithm::HS256) };
    let forged = encode(&hs256, &claims(), &EncodingKey::from_secret(b"secret")).unwrap();
    assert!(matches!(verifier.verify(&forged), Err(TokenError::Algorithm(Algorithm::HS256))));
    let mut bent = signed(&folder, &rs256(), &claims());
    bent.replace_range(bent.len() - 8..bent.len() - 4, "AAAA");
    assert!(verifier.verify(&bent).unwrap_err().to_string().contains("signature"));
    assert!(matches!(verifier.verify("eyJhbGciOiJub25lIn0.e30."), Err(TokenError::Malformed(_))));
}

#[test]
fn what_was_subscribed_to_comes_with_the_token() {
    let (folder, _, verifier) = issuer();
    let tier = |tier: &str| {
        let mut claims = claims();
        claims["tier"] = tier.into();
        verifier.verify(&signed(&folder, &rs256(), &claims)).map(|user| user.tier)
    };
    assert_eq!(verifier.verify(&signed(&folder, &rs256(), &claims())).unwrap().tier, Tier::Free);
    assert_eq!(tier("enterprise").unwrap(), Tier::Enterprise);
    let refused = tier("gold").unwrap_err().to_string();
    assert!(refused.contains("`gold`") && refused.contains("enterprise"), "{refused}");
}
