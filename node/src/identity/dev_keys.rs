//! The authority of a development node: an RSA key pair made on first start, and the tokens it signs.

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::{Claims, TokenError};
use crate::config::{Identity, TokenKey};
use crate::files;

/// The `kid` of the documents' example (C-104).
const KID: &str = "wia-key-001";

/// A dev token's life: the documents' session of twelve hours (C-036).
const TOKEN_LIFE_S: u64 = 12 * 3_600;

/// The scopes of C-105, all of them: a dev user may try everything.
const SCOPES: &str = "footprint:read footprint:write credits:read credits:write trading:execute";

/// Signs tokens for `wia dev`.
pub(crate) struct DevIssuer {
    key: EncodingKey,
    issuer: String,
    public_key: PathBuf,
}

impl DevIssuer {
    /// Loads the key pair in `folder`, or makes one.
    pub(crate) fn open(folder: &Path) -> Result<Self, TokenError> {
        let private = folder.join("token-key.pem");
        let public_key = folder.join("token-key.pub.pem");
        let failed = |path: &Path, reason: String| TokenError::Key { path: path.to_owned(), reason };
        if !private.exists() || !public_key.exists() {
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|e| failed(&private, e.to_string()))?;
            let secret: Pkcs8V1Der<'_> = pair.as_der().map_err(|e| failed(&private, e.to_string()))?;
            let public: PublicKeyX509Der<'_> =
                pair.public_key().as_der().map_err(|e| failed(&public_key, e.to_string()))?;
            let secret = pem::encode(&pem::Pem::new("PRIVATE KEY", secret.as_ref()));
            let public = pem::encode(&pem::Pem::new("PUBLIC KEY", public.as_ref()));
            files::write_secret(&private, secret.as_bytes()).map_err(|e| failed(&private, e.to_string()))?;
            files::write_public(&public_key, public.as_bytes())
                .map_err(|e| failed(&public_key, e.to_string()))?;
        }
        let pem = std::fs::read(&private).map_err(|e| failed(&private, e.to_string()))?;
        let key = EncodingKey::from_rsa_pem(&pem).map_err(|e| failed(&private, e.to_string()))?;
        Ok(Self { key, issuer: Identity::default().issuer, public_key })
    }

    /// The configuration under which its tokens are believed.
    pub(crate) fn identity(&self) -> Identity {
        let key = TokenKey { kid: KID.into(), public_key: self.public_key.clone() };
        Identity { issuer: self.issuer.clone(), keys: vec![key] }
    }

    /// A token for `user_id` who owns `wallets`, issued at `now_s` (Unix seconds).
    pub(crate) fn token(&self, user_id: &str, wallets: &[Address], now_s: u64) -> Result<String, TokenError> {
        let claims = Claims {
            sub: user_id.into(),
            iss: self.issuer.clone(),
            aud: wia_protocol::carbon::AUDIENCE.into(),
            iat: now_s,
            exp: now_s + TOKEN_LIFE_S,
            scope: SCOPES.into(),
            wallets: wallets.to_vec(),
        };
        let header = Header { kid: Some(KID.into()), ..Header::new(Algorithm::RS256) };
        encode(&header, &claims, &self.key).map_err(|e| TokenError::Refused(e.to_string()))
    }
}
