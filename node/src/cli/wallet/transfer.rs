//! `wia wallet transfer`: sign an ERC-3009 authorization, hand it to a relayer, follow it to finality.

use alloy::primitives::{Address, B256, U256};
use alloy::signers::SignerSync;
use alloy::signers::k256::elliptic_curve::rand_core::{OsRng, RngCore};
use clap::{Args, ValueEnum};
use serde_json::json;
use wia_abi::authorization::{self, Domain, TransferWithAuthorization};
use wia_abi::receipt::{self, RelayReceipt};
use wia_abi::{Authorization, CreditAmount, carbon_credit};
use wia_protocol::relay::{Info, State, StatusQuery, Submission, Submitted, Update};

use super::door::Door;
use super::{KeyChoice, NodeUrl, WalletError, address, balance_of, keys, say, token};
use crate::clock;

/// How the message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    /// JSON-RPC over WebSocket
    Ws,
    /// libp2p request-response
    P2p,
}

/// Sign a transfer, hand it to a relayer, follow it to finality.
#[derive(Debug, Args)]
pub(crate) struct Transfer {
    #[command(flatten)]
    key: KeyChoice,
    /// Who receives
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    to: Address,
    /// Credits, e.g. 1.5 (1 WCCM = 1 t CO2e)
    #[arg(long, value_name = "WCCM", allow_hyphen_values = true, value_parser = amount)]
    amount: CreditAmount,
    /// How the message travels
    #[arg(long, value_enum, default_value_t = Via::Ws)]
    via: Via,
    /// The relayer's libp2p address; the node's own when absent
    #[arg(long, value_name = "MULTIADDR")]
    peer: Option<String>,
    /// Sign for this chain only; the relayer's own chain when absent
    #[arg(long, value_name = "ID")]
    chain_id: Option<u64>,
    /// Sign for this token only; the relayer's own CarbonCredit when absent
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    contract: Option<Address>,
    /// How long the authorization is valid, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    valid_for_s: u64,
    /// Print each step as a line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    node: NodeUrl,
    #[command(flatten)]
    keystore: keys::Keystore,
}

impl Transfer {
    pub(super) async fn run(self) -> Result<(), WalletError> {
        let (mut door, info) = self.open().await?;
        let signer = self.key.signer(info.chain_id, &self.keystore)?;
        let contract = token(&info)?;
        self.check_target(&info, contract)?;
        let owners = [("from", signer.address()), ("to", self.to)];
        let before = self.balances(&info, contract, &owners).await?;

        let mut nonce = B256::ZERO;
        OsRng.fill_bytes(nonce.as_mut_slice());
        let message = TransferWithAuthorization {
            from: signer.address(),
            to: self.to,
            value: self.amount.0,
            validAfter: U256::ZERO,
            validBefore: U256::from(clock::now_s().saturating_add(self.valid_for_s)),
            nonce,
        };
        let digest = Domain::carbon_credit(info.chain_id, contract).digest(&message);
        let signature =
            signer.sign_hash_sync(&digest).map_err(|e| WalletError::Usage(format!("cannot sign: {e}")))?;
        let submission = Submission {
            chain_id: info.chain_id,
            contract: carbon_credit::NAME.into(),
            message: Authorization::from(&message),
            signature: signature.as_bytes().into(),
        };
        let submitted = door.submit(&submission).await?;
        check_receipt(&info, digest, &submitted)?;
        let last = self.follow(&mut door, &submitted).await?;
        if last.status != State::Final {
            let reason = last.reason.unwrap_or_default();
            return Err(WalletError::NotExecuted(format!("{}: {reason}", word(last.status))));
        }
        let after = self.balances(&info, contract, &owners).await?;
        for ((role, owner), (before, after)) in owners.iter().zip(before.iter().zip(&after)) {
            say(&if self.json {
                let (before, after) = (before.to_string(), after.to_string());
                json!({"balance": owner.to_checksum(None), "role": role, "before": before, "after": after})
                    .to_string()
            } else {
                format!("{role:<10} {owner}  {before} -> {after} WCCM")
            })?;
        }
        Ok(())
    }

    /// What is signed is worth something on this chain and token only: says which, and holds the relayer to
    /// what the caller named.
    fn check_target(&self, info: &Info, contract: Address) -> Result<(), WalletError> {
        eprintln!("signing for chain {}, CarbonCredit {contract}", info.chain_id);
        let refused = |what: &str| {
            Err(WalletError::Usage(format!(
                "the relayer serves another {what} than the one you named; nothing was signed"
            )))
        };
        if self.chain_id.is_some_and(|named| named != info.chain_id) {
            return refused("chain");
        }
        if self.contract.is_some_and(|named| named != contract) {
            return refused("token");
        }
        Ok(())
    }

    async fn open(&self) -> Result<(Door, Info), WalletError> {
        let address = match (self.via, &self.peer) {
            (Via::Ws, _) => {
                let mut door = self.node.relay().await?;
                let info = door.info().await?;
                return Ok((door, info));
            }
            (Via::P2p, Some(address)) => address.clone(),
            (Via::P2p, None) => {
                let offered = self.node.relay().await?.info().await?.p2p;
                offered.into_iter().next().ok_or_else(|| {
                    WalletError::Usage("the node offers no libp2p address; name one with --peer".into())
                })?
            }
        };
        let mut door = Door::by_peer(&address).await?;
        let info = door.info().await?;
        Ok((door, info))
    }

    /// Prints every step until the last one.
    async fn follow(&self, door: &mut Door, submitted: &Submitted) -> Result<Update, WalletError> {
        let mut query = StatusQuery { relay_id: submitted.relay_id, after: None, wait_ms: 0 };
        loop {
            let status = door.status(&query).await?;
            let known = query.after;
            for step in status.history.iter().filter(|s| known.is_none_or(|k| s.sequence > k)) {
                say(&self.line(step, submitted))?;
            }
            if matches!(status.last.status, State::Final | State::Skipped | State::Expired | State::Rejected)
            {
                return Ok(status.last);
            }
            query.after = Some(status.last.sequence);
            query.wait_ms = StatusQuery::MAX_WAIT_MS;
        }
    }

    fn line(&self, step: &Update, submitted: &Submitted) -> String {
        if self.json {
            return json!(step).to_string();
        }
        let detail = match step.status {
            State::Accepted => format!(
                "{} by {}, on chain by block {}",
                step.relay_id, submitted.receipt.relayer, submitted.receipt.include_by_block
            ),
            State::Submitted => format!("transaction {}", step.tx_hash.unwrap_or_default()),
            State::Mined => {
                format!("block {}, item {}", step.block.unwrap_or_default(), step.index.unwrap_or_default())
            }
            State::Final => format!("{} confirmations", step.confirmations.unwrap_or_default()),
            State::Claimed => "in a batch".into(),
            _ => step.reason.clone().unwrap_or_default(),
        };
        format!("{:<10} {detail}", word(step.status))
    }

    async fn balances(
        &self,
        info: &Info,
        contract: Address,
        owners: &[(&str, Address)],
    ) -> Result<Vec<CreditAmount>, WalletError> {
        let Some(rpc_url) = &info.rpc_url else { return Ok(Vec::new()) };
        let mut balances = Vec::with_capacity(owners.len());
        for (_, owner) in owners {
            balances.push(balance_of(rpc_url, contract, *owner).await?);
        }
        Ok(balances)
    }
}

fn amount(text: &str) -> Result<CreditAmount, String> {
    let amount: CreditAmount = text.parse().map_err(|e| format!("{e}"))?;
    if amount.0.is_zero() { Err("the amount must be above 0".into()) } else { Ok(amount) }
}

/// A receipt is worth something only if the relayer signed it for this message.
fn check_receipt(info: &Info, digest: B256, submitted: &Submitted) -> Result<(), WalletError> {
    let promise = RelayReceipt {
        relayId: submitted.relay_id,
        relayer: submitted.receipt.relayer,
        receivedAt: submitted.receipt.received_at.0,
        includeByBlock: submitted.receipt.include_by_block,
    };
    let signed = receipt::domain(info.chain_id).digest(&promise);
    let signer = authorization::recover(signed, &submitted.receipt.signature);
    let relayer = submitted.receipt.relayer;
    if submitted.relay_id == digest && relayer == info.relayer && signer == Some(relayer) {
        return Ok(());
    }
    Err(WalletError::Answer {
        method: "relay.submit".into(),
        reason: "the receipt is not signed by the relayer that answers, or is for another message".into(),
    })
}

fn word(state: State) -> String {
    serde_json::to_value(state).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
