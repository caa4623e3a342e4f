//! The indexer's questions as JSON: pages of events and transfers, balances, blocks, status.
//!
//! In: a path and a query string. Out: one JSON object. Amounts are decimal text in the token's smallest unit; block
//! numbers are numbers.

use alloy::primitives::{Address, B256};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wia_indexer::sink::SinkStatus;
use wia_indexer::{
    Balance, BlockId, BlockView, EndpointHealth, EventFilter, EventQuery, Head, IndexerError, MAX_PAGE,
    Message,
};
use wia_protocol::indexer::Subscribe;

use super::Door;
use super::reader::Reader;
use crate::doors::query::{Asked, Pairs, nothing_left, pairs};
use crate::doors::refusal::Refusal;

/// Messages of a page for which no limit was asked.
const DEFAULT_LIMIT: usize = 100;

/// What ERC-20 calls a transfer.
const TRANSFER: &str = "Transfer(address,address,uint256)";

/// `GET /indexer/v1/events`
pub(super) async fn events(reader: &Reader, pairs: Pairs) -> Result<Response, Refusal> {
    page(reader, pairs, "events", |_| true).await
}

/// `GET /indexer/v1/transfers`
pub(super) async fn transfers(State(door): State<Door>, asked: Asked) -> Result<Response, Refusal> {
    let mut pairs = pairs(asked)?;
    if pairs.iter().any(|(name, _)| name == "event" || name == "topic") {
        let reason = format!("transfers are {TRANSFER}; ask /indexer/v1/events for others");
        return Err(Refusal::invalid("event", reason));
    }
    pairs.push(("event".into(), TRANSFER.into()));
    // Other standards have an event of that name and signature with other bytes.
    page(&door.reader, pairs, "transfers", |message| message.record().transfer().is_some()).await
}

async fn page(
    reader: &Reader,
    pairs: Pairs,
    name: &'static str,
    shown: impl Fn(&Message) -> bool + Send + 'static,
) -> Result<Response, Refusal> {
    for stream_only in ["minConfirmations", "promotions"] {
        if pairs.iter().any(|(name, _)| name == stream_only) {
            let reason = "is for streams; a page says of each event how many confirmations it has";
            return Err(Refusal::invalid(stream_only, reason));
        }
    }
    let (asked, rest) = Subscribe::from_query(pairs).map_err(|e| Refusal::from(e).of_query())?;
    let mut query = EventQuery { after: asked.cursor, limit: DEFAULT_LIMIT, ..EventQuery::default() };
    let mut left = Pairs::new();
    for (name, text) in rest {
        match name.as_str() {
            "fromBlock" => query.from_block = Some(number("fromBlock", &text)?),
            "toBlock" => query.to_block = Some(number("toBlock", &text)?),
            "limit" => {
                let limit = text.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
                let reason = || Refusal::invalid("limit", format!("must be from 1 to {MAX_PAGE}"));
                query.limit = limit.ok_or_else(reason)?;
            }
            _ => left.push((name, text)),
        }
    }
    nothing_left(left, "a page")?;
    if let (Some(from), Some(to)) = (query.from_block, query.to_block)
        && from > to
    {
        return Err(Refusal::invalid("fromBlock", format!("{from} is above toBlock, {to}")));
    }
    let body = reader.read(move |indexer| {
        query.filter = EventFilter::resolve(&asked.filter, indexer.catalog())?;
        let page = indexer.page(&query)?;
        let items: Vec<_> = page.messages.iter().filter(|m| shown(m)).map(Message::json).collect();
        let next = page.next.map_or(Value::Null, Value::from);
        Ok(format!(r#"{{"{name}":[{}],"next":{next}}}"#, items.join(",")))
    });
    let body = body.await.map_err(Refusal::of_query)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// `GET /indexer/v1/balances/{address}`
pub(super) async fn balances(
    State(door): State<Door>,
    Path(account): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let account: Address =
        account.parse().map_err(|_| Refusal::invalid("address", "is no address in hex"))?;
    let (mut contracts, mut block, mut left) = (Vec::new(), None, Pairs::new());
    for (name, text) in pairs(asked)? {
        match name.as_str() {
            "contract" => contracts.extend(text.split(',').map(str::to_owned)),
            "block" if text == "latest" => block = None,
            "block" => block = Some(number("block", &text)?),
            _ => left.push((name, text)),
        }
    }
    nothing_left(left, "a balance")?;
    let balances = door.reader.read(move |indexer| {
        let catalog = indexer.catalog();
        let mut wanted = Vec::new();
        for name in &contracts {
            let unknown = || IndexerError::Filter { field: "contract", reason: unknown_contract(name) };
            wanted.push(catalog.resolve(name).ok_or_else(unknown)?);
        }
        if wanted.is_empty() {
            wanted.extend(catalog.tokens());
        }
        let mut balances = Vec::new();
        for contract in wanted {
            let Balance { block, wei } = indexer.balance_at(contract, account, block)?;
            balances.push(json!({
                "contract": contract.to_checksum(None),
                "contractName": catalog.name(contract),
                "balanceWei": wei.to_string(),
                "block": head(&block),
            }));
        }
        Ok(balances)
    });
    let balances = balances.await?;
    Ok(Json(json!({"address": account.to_checksum(None), "balances": balances})).into_response())
}

fn unknown_contract(name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    format!("`{name}` is no contract that is followed here")
}

/// `GET /indexer/v1/blocks/{block}`
pub(super) async fn block(State(door): State<Door>, Path(block): Path<String>) -> Result<Response, Refusal> {
    let id = match block.as_str() {
        "latest" => BlockId::Latest,
        text if text.starts_with("0x") => {
            let hash = text.parse::<B256>().map_err(|_| Refusal::invalid("block", "is no block hash"))?;
            BlockId::Hash(hash)
        }
        text => BlockId::Number(number("block", text)?),
    };
    let reader = &door.reader;
    let view = reader.read(move |indexer| indexer.block(id)).await?;
    let BlockView { entry, confirmations } = view.ok_or_else(|| {
        Refusal::not_found("block", "there is no such block in the log, or no longer; see /indexer/v1/status")
    })?;
    let block = &entry.block;
    Ok(Json(json!({
        "chainId": reader.chain_id(),
        "number": block.number,
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": block.timestamp(),
        "confirmations": confirmations,
        "onChain": confirmations > 0,
        "events": block.events.len(),
        "transactions": block.transactions,
    }))
    .into_response())
}

/// `GET /indexer/v1/status`
pub(super) async fn status(State(door): State<Door>) -> Result<Response, Refusal> {
    Ok(Json(status_of(&door.reader).await?).into_response())
}

/// How the indexer stands, on whatever door.
pub(super) async fn status_of(reader: &Reader) -> Result<Value, Refusal> {
    let status = reader.read(|indexer| Ok(indexer.status())).await?;
    let webhooks = reader.webhooks().await?;
    let health = &status.health;
    Ok(json!({
        "chainId": reader.chain_id(),
        "state": health.state.name(),
        "reasons": health.reason().into_iter().collect::<Vec<_>>(),
        "head": status.head.as_ref().map(head),
        "chainHead": health.chain_head,
        "lagBlocks": health.lag_blocks,
        "sinceHeadMs": health.since_head_ms,
        "events": status.events,
        "log": {
            "firstOffset": status.first_offset,
            "nextOffset": status.next_offset,
            "bytes": status.bytes,
        },
        "endpoints": health.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
        "webhooks": webhooks.iter().map(webhook).collect::<Vec<_>>(),
    }))
}

fn endpoint(endpoint: &EndpointHealth) -> Value {
    json!({
        "endpoint": endpoint.endpoint,
        "score": endpoint.score,
        "head": endpoint.head,
        "state": endpoint.state.to_string(),
    })
}

/// Without what a receiver said: that is for the operator's log.
fn webhook(status: &SinkStatus) -> Value {
    json!({
        "name": status.name,
        "cursor": status.cursor,
        "delivered": status.delivered,
        "failing": status.failing.is_some(),
        "deadLetters": status.dead_letters.len(),
    })
}

fn head(head: &Head) -> Value {
    json!({"number": head.number, "hash": head.hash, "timestamp": head.timestamp})
}

fn number(field: &'static str, text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::invalid(field, "must be a block number"))
}
