//! `wia wallet follow`: the carbon stream of one user, a line per push.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use wia_protocol::carbon::Channel;

use super::socket::Socket;
use super::{NodeUrl, WalletError, say};

/// Print the pushes of the carbon stream.
#[derive(Debug, Args)]
pub(crate) struct Follow {
    /// File with the bearer token
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Resume strictly after the push that had this cursor
    #[arg(long)]
    cursor: Option<String>,
    /// Print each push as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeUrl,
}

impl Follow {
    pub(super) async fn run(self) -> Result<(), WalletError> {
        let token = std::fs::read_to_string(&self.token_file)
            .map_err(|e| WalletError::File { path: self.token_file.clone(), reason: e.to_string() })?;
        let mut socket = Socket::connect(&self.node.socket("/carbon-credit-micro/v1/stream")).await?;
        socket.call("authenticate", json!({"token": token.trim()})).await?;
        let names: Vec<_> = Channel::ALL.iter().map(|c| c.name()).collect();
        let mut params = json!({"channels": names});
        if let Some(cursor) = &self.cursor {
            params["cursor"] = json!(cursor);
        }
        socket.call("subscribe", params).await?;
        eprintln!("subscribed to {}; Ctrl-C ends", names.join(", "));
        loop {
            let push = socket.push().await?;
            say(&if self.json { push.to_string() } else { line(&push) })?;
        }
    }
}

fn line(push: &Value) -> String {
    let params = &push["params"];
    let text = |key: &str| params[key].as_str().map_or_else(|| params[key].to_string(), str::to_owned);
    match push["method"].as_str().unwrap_or_default() {
        "wallet.balance_changed" => format!(
            "balance   {}  {} -> {} ({}, {})  cursor {}",
            text("address"),
            text("previousBalance"),
            text("newBalance"),
            text("change"),
            text("reason"),
            text("cursor")
        ),
        "blockchain.transaction_confirmed" => format!(
            "{:<9} {}  block {}  {} of 12  cursor {}",
            text("status"),
            text("transactionHash"),
            text("blockNumber"),
            text("confirmations"),
            text("cursor")
        ),
        other => format!("{other}  {params}"),
    }
}
