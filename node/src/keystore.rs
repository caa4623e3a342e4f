//! Encrypted keys (Ethereum keystore V3): how every command opens one and asks for its password.
//!
//! A password comes from a file or from the terminal, never from an argument or a variable, and is in no error.

use std::path::{Path, PathBuf};

use alloy::signers::local::PrivateKeySigner;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeystoreError {
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("cannot ask for the password ({0}); use --password-file")]
    NoTerminal(std::io::Error),
}

/// The password in `file`, without the end of its line; without a file, the answer to `question`.
pub(crate) fn password(file: Option<&Path>, question: &str) -> Result<String, KeystoreError> {
    let Some(path) = file else {
        return rpassword::prompt_password(question).map_err(KeystoreError::NoTerminal);
    };
    let text = std::fs::read_to_string(path)
        .map_err(|e| KeystoreError::File { path: path.to_owned(), reason: e.to_string() })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// The key in the keystore `path`.
pub(crate) fn open(path: &Path, password: &str) -> Result<PrivateKeySigner, KeystoreError> {
    PrivateKeySigner::decrypt_keystore(path, password).map_err(|error| {
        let text = error.to_string();
        let reason = if text.contains("Mac Mismatch") { "the password is wrong".into() } else { text };
        KeystoreError::File { path: path.to_owned(), reason }
    })
}

#[cfg(test)]
mod tests {
    use alloy::signers::k256::elliptic_curve::rand_core::OsRng;

    use super::*;

    #[test]
    fn a_key_opens_with_its_password_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKeySigner::random();
        PrivateKeySigner::encrypt_keystore(folder.path(), &mut OsRng, key.to_bytes(), "right", Some("key"))
            .unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "right\r\n").unwrap();
        let password = password(Some(&file), "").unwrap();
        let path = folder.path().join("key");
        assert_eq!(open(&path, &password).unwrap().address(), key.address());
        let wrong = open(&path, "wrong").unwrap_err().to_string();
        assert!(wrong.contains("the password is wrong") && wrong.contains("key"), "{wrong}");
    }
}
