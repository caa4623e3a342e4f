//! Bearer tokens of the carbon protocol: RS256 only, key by `kid`, issuer and audience exact,
//! scope as text or array.
//!
//! The wallets of a user come in the claim `wallets`, from the authority that signed the token: the node
//! keeps no registry of who owns which address. What the user has subscribed to comes in the claim `tier`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use alloy::primitives::Address;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::{Deserialize, Deserializer, Serialize};
use wia_relayer::Tier;

use crate::config::Identity;

/// The most wallets in one token.
const MAX_WALLETS: usize = 256;

/// Clock difference between issuer and node that is forgiven, seconds.
const LEEWAY_S: u64 = 5;

/// What our own tokens say (C-105).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    pub(crate) scope: String,
    pub(crate) wallets: Vec<Address>,
}

/// What is read of a token besides the claims that the library checks (`iss`, `aud`, `exp`, `nbf`).
#[derive(Deserialize)]
struct Read {
    sub: String,
    #[serde(deserialize_with = "numeric_date")]
    exp: u64,
    #[serde(default, deserialize_with = "text_or_array")]
    scope: String,
    #[serde(default)]
    wallets: Vec<Address>,
    tier: Option<String>,
}

/// What a token may allow (C-106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `credits:read`
    CreditsRead,
    /// `credits:write`
    CreditsWrite,
}

impl Scope {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scope::CreditsRead => "credits:read",
            Scope::CreditsWrite => "credits:write",
        }
    }
}

/// An authenticated user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    /// `sub`, e.g. `USER-2026-001`.
    pub(crate) id: String,
    /// The addresses whose balances are this user's.
    pub(crate) wallets: BTreeSet<Address>,
    /// What the user has subscribed to: the claim `tier`, `free` without one (C-110…C-113).
    pub(crate) tier: Tier,
    /// When the token ends, Unix seconds.
    pub(crate) expires_at_s: u64,
    scopes: BTreeSet<String>,
}

impl User {
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(scope.name())
    }

    /// Whether another token of the same user allows the same.
    pub(crate) fn same_rights(&self, other: &User) -> bool {
        self.scopes == other.scopes && self.wallets == other.wallets && self.tier == other.tier
    }
}

/// Why a token is not believed. The text is for its bearer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("{path}: {reason}")]
    Key { path: PathBuf, reason: String },
    #[error("the token is not a JWT: {0}")]
    Malformed(String),
    #[error("the token is signed with {0:?}; this protocol takes RS256")]
    Algorithm(Algorithm),
    #[error("the token's header has no kid")]
    NoKid,
    #[error("no key `{0}` is configured here")]
    UnknownKid(String),
    #[error("{0}")]
    Refused(String),
    #[error("the token names {0} wallets; the most is {MAX_WALLETS}")]
    TooManyWallets(usize),
    #[error("the token's tier is `{0}`; it is one of free, basic, pro, enterprise")]
    UnknownTier(String),
}

/// Checks tokens against the configured keys.
pub(crate) struct Verifier {
    keys: BTreeMap<String, DecodingKey>,
    validation: Validation,
}

impl Verifier {
    /// Reads the keys.
    pub(crate) fn new(config: &Identity) -> Result<Self, TokenError> {
        let mut keys = BTreeMap::new();
        for key in &config.keys {
            let failed = |reason: String| TokenError::Key { path: key.public_key.clone(), reason };
            let pem = std::fs::read(&key.public_key).map_err(|e| failed(e.to_string()))?;
            let decoding = DecodingKey::from_rsa_pem(&pem).map_err(|e| failed(e.to_string()))?;
            keys.insert(key.kid.clone(), decoding);
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[wia_protocol::carbon::AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(Self { keys, validation })
    }

    /// The user of a token, or why there is none.
    pub(crate) fn verify(&self, token: &str) -> Result<User, TokenError> {
        let header = decode_header(token).map_err(|e| TokenError::Malformed(e.to_string()))?;
        if header.alg != Algorithm::RS256 {
            return Err(TokenError::Algorithm(header.alg));
        }
        let kid = header.kid.ok_or(TokenError::NoKid)?;
        let key = self.keys.get(&kid).ok_or(TokenError::UnknownKid(kid))?;
        let claims = decode::<Read>(token, key, &self.validation)
            .map_err(|e| TokenError::Refused(describe(&e)))?
            .claims;
        if claims.wallets.len() > MAX_WALLETS {
            return Err(TokenError::TooManyWallets(claims.wallets.len()));
        }
        let tier = claims.tier.as_deref().map(|name| {
            Tier::named(name).ok_or_else(|| TokenError::UnknownTier(name.chars().take(32).collect()))
        });
        let tier = tier.transpose()?;
        Ok(User {
            id: claims.sub,
            wallets: claims.wallets.into_iter().collect(),
            tier: tier.unwrap_or_default(),
            expires_at_s: claims.exp,
            scopes: claims.scope.split_ascii_whitespace().map(str::to_owned).collect(),
        })
    }
}

fn describe(error: &jsonwebtoken::errors::Error) -> String {
    use jsonwebtoken::errors::ErrorKind as Kind;
    match error.kind() {
        Kind::ExpiredSignature => "the token has expired; get a new one".into(),
        Kind::InvalidSignature => "the token's signature is wrong".into(),
        Kind::InvalidIssuer => "the token's iss is not the one that is believed here".into(),
        Kind::InvalidAudience => format!("the token's aud is not {}", wia_protocol::carbon::AUDIENCE),
        Kind::ImmatureSignature => "the token is not valid yet".into(),
        Kind::MissingRequiredClaim(claim) => format!("the token has no {claim}"),
        other => {
            tracing::debug!(?other, "a token that cannot be read");
            "the token's claims cannot be read: sub is text, exp a number, scope text or an array of texts, wallets \
             an array of addresses"
                .into()
        }
    }
}

/// RFC 7519 §2: seconds, perhaps with a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = number.to_string().split('.').next().and_then(|digits| digits.parse().ok());
    whole.ok_or_else(|| serde::de::Error::custom("no moment"))
}

fn text_or_array<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Array(Vec<String>),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Text(text) => text,
        Either::Array(items) => items.join(" "),
    })
}

#[cfg(test)]
mod tests;
