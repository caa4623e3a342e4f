//! What was sent to one chain, written before it is sent: a run that was killed goes on where it was.
//!
//! A transaction is signed once, its bytes are on disk before any node sees them, and the next run broadcasts those
//! bytes again instead of signing others. One file per chain id, bound to the chain's block 0: a development chain that
//! was thrown away takes its journal with it.

use std::path::PathBuf;

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::DeployError;
use super::chain::Fees;
use crate::files;

/// Every transaction that was ever signed for a chain, in the order of signing.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Journal {
    /// Hash of the chain's block 0.
    genesis: B256,
    transactions: Vec<Sent>,
    /// `None`: in memory only.
    #[serde(skip)]
    path: Option<PathBuf>,
}

/// One transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sent {
    /// For people: what it does.
    pub(crate) what: String,
    #[serde(with = "wia_abi::eip55")]
    pub(crate) from: Address,
    #[serde(with = "wia_abi::eip55")]
    pub(crate) to: Address,
    pub(crate) nonce: u64,
    pub(crate) hash: B256,
    /// The signed bytes.
    pub(crate) raw: Bytes,
    /// How it ended; none while nobody knows.
    pub(crate) end: Option<End>,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum End {
    /// In this block, and did what it should.
    Mined(u64),
    /// In this block, without effect.
    Reverted(u64),
    /// Never: another transaction took its nonce.
    Superseded,
}

/// What a signed transaction says.
pub(crate) struct Terms {
    pub(crate) input: Bytes,
    pub(crate) gas_limit: u64,
    pub(crate) fees: Fees,
}

impl Sent {
    /// What the signed bytes say.
    pub(crate) fn terms(&self) -> Result<Terms, DeployError> {
        let signed = TxEnvelope::decode_2718(&mut self.raw.as_ref()).map_err(|e| {
            DeployError::Signer(format!("{} in the journal is no transaction: {e}", self.hash))
        })?;
        let fees = match signed.gas_price() {
            Some(price) => Fees::Legacy { price },
            None => Fees::Dynamic {
                cap: signed.max_fee_per_gas(),
                tip: signed.max_priority_fee_per_gas().unwrap_or_default(),
            },
        };
        Ok(Terms { input: signed.input().clone(), gas_limit: signed.gas_limit(), fees })
    }
}

impl Journal {
    /// One that lives as long as the process: for a chain that is asked anew at each start.
    pub(crate) fn in_memory() -> Self {
        Self::default()
    }

    /// The journal at `path` of the chain that begins with `genesis`; a new one when the file is of another chain.
    pub(crate) fn open(path: PathBuf, genesis: B256) -> Result<Self, DeployError> {
        let read = match std::fs::read_to_string(&path) {
            Ok(text) => Some(serde_json::from_str::<Self>(&text).map_err(DeployError::file(&path))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(DeployError::file(&path)(error)),
        };
        let own = read.filter(|journal| journal.genesis == genesis);
        Ok(Self { genesis, path: Some(path), ..own.unwrap_or_default() })
    }

    /// Where it lies.
    pub(crate) fn place(&self) -> String {
        self.path.as_ref().map_or_else(|| "memory".into(), |path| path.display().to_string())
    }

    /// Those whose end nobody knows, the first to be sent first.
    pub(crate) fn unsettled(&self) -> Vec<Sent> {
        self.transactions.iter().filter(|t| t.end.is_none()).cloned().collect()
    }

    /// Adds one, durably. Only then may it be sent.
    pub(crate) fn add(&mut self, sent: Sent) -> Result<(), DeployError> {
        self.transactions.push(sent);
        self.write()
    }

    /// Notes how `hash` ended.
    pub(crate) fn ended(&mut self, hash: B256, end: End) -> Result<(), DeployError> {
        for transaction in self.transactions.iter_mut().filter(|t| t.hash == hash) {
            transaction.end = Some(end);
        }
        self.write()
    }

    fn write(&self) -> Result<(), DeployError> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = serde_json::to_string_pretty(self).map_err(DeployError::file(path))?;
        // Signed transactions are nobody else's business before they are sent.
        files::write_secret(path, text.as_bytes()).map_err(DeployError::file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(nonce: u64) -> Sent {
        Sent {
            what: "deploying Any".into(),
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            nonce,
            hash: B256::with_last_byte(u8::try_from(nonce).unwrap()),
            raw: Bytes::from_static(&[1, 2, 3]),
            end: None,
        }
    }

    #[test]
    fn what_was_added_is_there_after_a_restart_until_its_end_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deploy/1.json");
        let genesis = B256::repeat_byte(7);
        let mut journal = Journal::open(path.clone(), genesis).unwrap();
        journal.add(sent(1)).unwrap();
        journal.add(sent(2)).unwrap();
        let mut again = Journal::open(path.clone(), genesis).unwrap();
        assert_eq!(again.unsettled().iter().map(|t| t.nonce).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(again.unsettled()[0].raw, sent(1).raw);
        again.ended(sent(1).hash, End::Mined(5)).unwrap();
        let third = Journal::open(path.clone(), genesis).unwrap();
        assert_eq!(third.unsettled().iter().map(|t| t.nonce).collect::<Vec<_>>(), [2]);
        let other_chain = Journal::open(path, B256::repeat_byte(8)).unwrap();
        assert!(other_chain.unsettled().is_empty());
    }

    #[test]
    fn a_torn_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.json");
        std::fs::write(&path, "{").unwrap();
        let error = Journal::open(path, B256::ZERO).unwrap_err().to_string();
        assert!(error.contains("1.json"), "{error}");
    }
}
