//! `wia wallet`: keys, balances, signed transfers over WebSocket or libp2p, and what a subscriber sees.

mod door;
mod follow;
mod keys;
mod socket;
mod transfer;

use std::path::PathBuf;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::Address;
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use clap::{Args, Subcommand};
use wia_abi::{CarbonCredit, CreditAmount};
use wia_protocol::RpcError;
use wia_protocol::relay::Info;

use super::{dev_accounts, say};
use door::Door;

/// How long the chain's endpoint may take for an answer.
const CHAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Keys, balances, signed transfers.
#[derive(Debug, Subcommand)]
pub(crate) enum Wallet {
    /// Make a key and keep it encrypted (Ethereum keystore V3)
    New(keys::New),
    /// Keep an existing private key, read from a file or standard input, encrypted
    Import(keys::Import),
    /// Print the balance of an address
    Balance(Balance),
    /// Sign a transfer, hand it to a relayer, follow it to finality
    Transfer(transfer::Transfer),
    /// Print the pushes of the carbon stream
    Follow(follow::Follow),
}

impl Wallet {
    pub(crate) async fn run(self) -> Result<(), WalletError> {
        match self {
            Wallet::New(new) => new.run(),
            Wallet::Import(import) => import.run(),
            Wallet::Balance(balance) => balance.run().await,
            Wallet::Transfer(transfer) => transfer.run().await,
            Wallet::Follow(follow) => follow.run().await,
        }
    }
}

/// Why a wallet command stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalletError {
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("refused: {}", reason(.0))]
    Refused(RpcError),
    #[error("the node closed the connection: {0}")]
    Closed(String),
    #[error("the answer to {method} is not what it should be: {reason}")]
    Answer { method: String, reason: String },
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error(transparent)]
    Keystore(#[from] crate::keystore::KeystoreError),
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("the transfer ended as {0}")]
    NotExecuted(String),
}

/// A refusal for a person: the field and the reason, where it names them.
fn reason(error: &RpcError) -> String {
    let data = error.data.as_ref();
    let text = |key| data.and_then(|d| d.get(key)).and_then(|v| v.as_str());
    match (text("field"), text("reason")) {
        (Some(field), Some(reason)) => format!("{field}: {reason}"),
        _ => error.to_string(),
    }
}

/// Which node.
#[derive(Debug, Args)]
pub(crate) struct NodeUrl {
    /// The node, by its HTTP address
    #[arg(long = "node", value_name = "URL", env = "WIA_NODE", default_value = "http://127.0.0.1:8080")]
    url: String,
}

impl NodeUrl {
    /// A WebSocket URL on the node.
    fn socket(&self, path: &str) -> String {
        format!("{}{path}", self.url.trim_end_matches('/').replacen("http", "ws", 1))
    }

    async fn relay(&self) -> Result<Door, WalletError> {
        Door::by_socket(&self.socket("/relay/v1")).await
    }
}

/// Whose key.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct KeyChoice {
    /// A key of the keystore, by its name
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// A development account of anvil, 0…9 (chain 31337 only)
    #[arg(long, value_name = "INDEX")]
    from_dev: Option<usize>,
}

impl KeyChoice {
    fn signer(&self, chain_id: u64, keystore: &keys::Keystore) -> Result<PrivateKeySigner, WalletError> {
        match (&self.from, self.from_dev) {
            (Some(name), _) => keystore.open(name),
            (None, Some(_)) if chain_id != dev_accounts::CHAIN_ID => Err(WalletError::Usage(format!(
                "the node serves chain {chain_id}; the dev accounts' keys are public and are used on chain {} only",
                dev_accounts::CHAIN_ID
            ))),
            (None, Some(index)) => dev_accounts::signer(index).map_err(|e| WalletError::Usage(e.to_string())),
            (None, None) => Err(WalletError::Usage("name a key: --from NAME or --from-dev INDEX".into())),
        }
    }
}

/// Print the balance of an address.
#[derive(Debug, Args)]
pub(crate) struct Balance {
    /// The address
    #[arg(value_parser = address)]
    address: Address,
    #[command(flatten)]
    node: NodeUrl,
    /// The chain's JSON-RPC endpoint; the node's own offer when absent
    #[arg(long, value_name = "URL")]
    rpc_url: Option<String>,
}

impl Balance {
    async fn run(self) -> Result<(), WalletError> {
        let info = self.node.relay().await?.info().await?;
        let chain = self.rpc_url.or(info.rpc_url.clone()).ok_or_else(|| {
            WalletError::Usage("the node offers no JSON-RPC endpoint; name one with --rpc-url".into())
        })?;
        let balance = balance_of(&chain, token(&info)?, self.address).await?;
        Ok(say(&format!("{balance} WCCM"))?)
    }
}

/// An address from the command line. Mixed case carries a checksum (EIP-55), and a wrong one is a typing error.
fn address(text: &str) -> Result<Address, String> {
    let digits =
        text.strip_prefix("0x").filter(|d| d.len() == 40 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    let digits = digits.ok_or("an address is 0x and 40 hex digits")?;
    let address: Address = text.parse().map_err(|e| format!("{e}"))?;
    let mixed =
        digits.bytes().any(|b| b.is_ascii_lowercase()) && digits.bytes().any(|b| b.is_ascii_uppercase());
    if mixed && address.to_checksum(None) != text {
        return Err("the checksum (EIP-55) does not fit: one of the characters is wrong".into());
    }
    Ok(address)
}

/// The token of the relayer's deployment.
fn token(info: &Info) -> Result<Address, WalletError> {
    info.contracts.get(wia_abi::carbon_credit::NAME).copied().ok_or_else(|| WalletError::Answer {
        method: "relay.info".into(),
        reason: format!("it names no {}", wia_abi::carbon_credit::NAME),
    })
}

async fn balance_of(rpc_url: &str, token: Address, owner: Address) -> Result<CreditAmount, WalletError> {
    let failed = |reason: String| WalletError::Unreachable { url: rpc_url.to_owned(), reason };
    let provider = ProviderBuilder::new().connect_http(rpc_url.parse().map_err(|e| failed(format!("{e}")))?);
    let call = TransactionRequest::default()
        .with_to(token)
        .with_input(CarbonCredit::balanceOfCall { account: owner }.abi_encode());
    let answer = tokio::time::timeout(CHAIN_TIMEOUT, provider.call(call)).await;
    let answer =
        answer.map_err(|_| failed("no answer in time".into()))?.map_err(|e| failed(e.to_string()))?;
    let wei = CarbonCredit::balanceOfCall::abi_decode_returns(&answer).map_err(|e| failed(e.to_string()))?;
    Ok(CreditAmount(wei))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_in_an_address_is_found() {
        let right = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
        assert_eq!(address(right).unwrap().to_checksum(None), right);
        assert!(address(&right.to_lowercase()).is_ok());
        assert!(address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293bc").unwrap_err().contains("checksum"));
        for short in ["", "0x", &right[2..], &right[..41]] {
            assert!(address(short).unwrap_err().contains("40 hex digits"), "{short}");
        }
    }
}
