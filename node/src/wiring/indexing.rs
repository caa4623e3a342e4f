//! What tells events: the indexer and its webhooks. What it is told: the chain's endpoints, our contracts by the names of the deployment, and those of others.

use std::collections::BTreeSet;

use alloy::json_abi::{ContractObject, JsonAbi};
use wia_abi::{
    Deployment, battery_passport, carbon_credit, consent_anchor, contracts, credit_exchange, fleet_registry,
    test_eur, test_usd,
};
use wia_indexer::sink::{Courier, CourierView};
use wia_indexer::{Contract, Endpoint, Indexer, Kind};
use wia_store::Store;

use super::{INDEXER, NodeError, Room};
use crate::config::{Config, Follow};
use crate::doors::Indexing;
use crate::webhook;

/// Its loops, not running yet.
pub(super) struct Engines {
    indexer: wia_indexer::Engine,
    couriers: Vec<Courier>,
}

impl Engines {
    /// Their rooms, in drain order: what the indexer commits while it ends is carried after the next start.
    pub(super) fn start(self) -> Vec<Room> {
        let carried = |courier: Courier| Room::open("webhook", |stop| courier.run(stop));
        let mut rooms: Vec<Room> = self.couriers.into_iter().map(carried).collect();
        rooms.push(Room::open(INDEXER, |stop| self.indexer.run(stop)));
        rooms
    }
}

/// Opens it with its webhooks; gives the handles for the doors, and the loops.
pub(super) fn open(
    config: &Config,
    store: &Store,
    deployment: &Deployment,
) -> Result<(Indexing, Engines), NodeError> {
    let (engine, indexer) = wia_indexer::open(store, self::config(config, deployment)?)?;
    let (couriers, views) = webhooks(config, store, &indexer)?.into_iter().unzip();
    let indexing = Indexing::new(&config.http, config.chain.id, indexer, views);
    Ok((indexing, Engines { indexer: engine, couriers }))
}

/// The couriers of the webhooks, each with its view.
fn webhooks(
    config: &Config,
    store: &Store,
    indexer: &Indexer,
) -> Result<Vec<(Courier, CourierView)>, NodeError> {
    let open = |wanted| {
        let (sink, receiver) = webhook::open(wanted, indexer.catalog())?;
        Ok(indexer.courier(store, sink, Box::new(receiver))?)
    };
    let names = config.webhook.iter().map(|webhook| webhook.name.as_str());
    if let Some(name) = taken_twice(names) {
        let reason = "is another's, too; each keeps its place in the log under its name".to_owned();
        return Err(NodeError::Webhook { name: name.to_owned(), field: "name".into(), reason });
    }
    config.webhook.iter().map(open).collect()
}

/// The indexer's configuration.
fn config(config: &Config, deployment: &Deployment) -> Result<wia_indexer::Config, NodeError> {
    let chain = &config.chain;
    let first = Endpoint { http_url: chain.http_url.clone(), ws_url: chain.ws_url.clone() };
    let ours = deployment.contracts.iter().filter_map(|(name, contract)| {
        let (kind, balances) = what(name);
        let abi = contracts::abi(name)?;
        Some(Contract { name: name.clone(), address: contract.address, kind, abi, balances })
    });
    let theirs = config.follow.iter().map(followed).collect::<Result<Vec<_>, _>>()?;
    let names = deployment.contracts.keys().chain(config.follow.iter().map(|follow| &follow.name));
    if let Some(name) = taken_twice(names.map(String::as_str)) {
        return Err(NodeError::Follow { name: name.to_owned() });
    }
    let first_blocks = config.follow.iter().map(|f| f.first_block);
    let first_blocks = first_blocks.chain(deployment.contracts.values().map(|c| c.block_number));
    Ok(wia_indexer::Config {
        chain_id: chain.id,
        endpoints: std::iter::once(first).chain(chain.fallback.iter().cloned()).collect(),
        contracts: ours.chain(theirs).collect(),
        first_block: first_blocks.min().unwrap_or_default(),
        ..config.indexer.clone()
    })
}

/// The first name that was there before.
fn taken_twice<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// What a contract of ours is about, and whether its transfers are balances.
fn what(name: &str) -> (Kind, bool) {
    match name {
        carbon_credit::NAME => (Kind::Credit, true),
        battery_passport::NAME | fleet_registry::NAME => (Kind::Battery, false),
        consent_anchor::NAME => (Kind::Consent, false),
        credit_exchange::NAME => (Kind::Exchange, false),
        test_usd::NAME | test_eur::NAME => (Kind::Other, true),
        _ => (Kind::Other, false),
    }
}

fn followed(follow: &Follow) -> Result<Contract, NodeError> {
    let failed = |reason: String| NodeError::File { path: follow.abi.clone(), reason };
    let text = std::fs::read_to_string(&follow.abi).map_err(|e| failed(e.to_string()))?;
    let abi = match serde_json::from_str::<JsonAbi>(&text) {
        Ok(abi) => abi,
        Err(_) => {
            let artifact: ContractObject =
                serde_json::from_str(&text).map_err(|e| failed(format!("is no ABI: {e}")))?;
            artifact.abi.ok_or_else(|| failed("has no member `abi`".into()))?
        }
    };
    Ok(Contract {
        name: follow.name.clone(),
        address: follow.address,
        kind: Kind::Other,
        abi,
        balances: follow.balances,
    })
}
