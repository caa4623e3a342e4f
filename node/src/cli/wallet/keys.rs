//! The keystore: one encrypted file (Ethereum V3) per key. A private key is never an argument and never
//! printed.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use alloy::signers::k256::elliptic_curve::rand_core::OsRng;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;

use super::{WalletError, say};
use crate::keystore;

/// Where keys lie and how they are unlocked.
#[derive(Debug, Args)]
pub(crate) struct Keystore {
    /// Folder of the encrypted keys [default: ~/.wia/keys]
    #[arg(long, value_name = "DIR", env = "WIA_KEYSTORE")]
    keystore: Option<PathBuf>,
    /// File that holds the password; else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Make a key and keep it encrypted.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// Name of the key
    name: String,
    #[command(flatten)]
    keystore: Keystore,
}

/// Keep an existing private key encrypted.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Name of the key
    name: String,
    /// File with the private key in hex; `-` reads standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    key_file: PathBuf,
    #[command(flatten)]
    keystore: Keystore,
}

impl New {
    pub(super) fn run(self) -> Result<(), WalletError> {
        self.keystore.keep(&self.name, &PrivateKeySigner::random())
    }
}

impl Import {
    pub(super) fn run(self) -> Result<(), WalletError> {
        let from_stdin = self.key_file == Path::new("-");
        let text = if from_stdin {
            if std::io::stdin().is_terminal() {
                rpassword::prompt_password("private key (hex, not shown): ").map_err(|e| {
                    WalletError::Usage(format!("cannot ask for the key ({e}); use --key-file"))
                })?
            } else {
                let mut text = String::new();
                std::io::stdin()
                    .take(1_024)
                    .read_to_string(&mut text)
                    .map_err(|e| file(&self.key_file, e))?;
                text
            }
        } else {
            std::fs::read_to_string(&self.key_file).map_err(|e| file(&self.key_file, e))?
        };
        // The parser's own message could repeat part of the key.
        let signer = text.trim().parse::<PrivateKeySigner>().map_err(|_| {
            WalletError::Usage("this is no private key: 64 hex digits, with or without 0x".into())
        })?;
        self.keystore.keep(&self.name, &signer)
    }
}

impl Keystore {
    fn folder(&self) -> Result<PathBuf, WalletError> {
        self.keystore
            .clone()
            .or_else(|| Some(std::env::home_dir()?.join(".wia/keys")))
            .ok_or_else(|| WalletError::Usage("there is no home folder; name one with --keystore".into()))
    }

    fn path(&self, name: &str) -> Result<PathBuf, WalletError> {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !plain {
            return Err(WalletError::Usage(format!("`{name}`: a key's name has letters, digits, - and _")));
        }
        Ok(self.folder()?.join(name))
    }

    fn keep(&self, name: &str, signer: &PrivateKeySigner) -> Result<(), WalletError> {
        let path = self.path(name)?;
        if path.exists() {
            return Err(WalletError::Usage(format!("{} exists; choose another name", path.display())));
        }
        let folder = self.folder()?;
        std::fs::create_dir_all(&folder).map_err(|e| file(&folder, e))?;
        let password = keystore::password(self.password_file.as_deref(), "password for the new key: ")?;
        // Encrypted in a folder of its own first: a reader finds the whole file or none, and only we read it.
        let part = tempfile::tempdir_in(&folder).map_err(|e| file(&folder, e))?;
        PrivateKeySigner::encrypt_keystore(part.path(), &mut OsRng, signer.to_bytes(), &password, Some(name))
            .map_err(|e| WalletError::File { path: path.clone(), reason: e.to_string() })?;
        let bytes = std::fs::read(part.path().join(name)).map_err(|e| file(&path, e))?;
        crate::files::write_secret(&path, &bytes).map_err(|e| file(&path, e))?;
        Ok(say(&format!("{}  {}", signer.address(), path.display()))?)
    }

    /// The signer of the key `name`.
    pub(super) fn open(&self, name: &str) -> Result<PrivateKeySigner, WalletError> {
        let path = self.path(name)?;
        if !path.exists() {
            return Err(WalletError::Usage(format!(
                "there is no key {}; `wia wallet new` makes one",
                path.display()
            )));
        }
        let question = format!("password of {name}: ");
        let password = keystore::password(self.password_file.as_deref(), &question)?;
        Ok(keystore::open(&path, &password)?)
    }
}

fn file(path: &Path, error: std::io::Error) -> WalletError {
    WalletError::File { path: path.to_owned(), reason: error.to_string() }
}
