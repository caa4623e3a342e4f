//! Several relayers on one mesh and one chain: each message is executed once, by whoever's turn it is, and what one of
//! them leaves undone the others do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::Filter;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolEvent;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wia_abi::CarbonCredit::{AuthorizationSkipped, AuthorizationUsed};
use wia_protocol::relay::{State, StatusQuery, Submission};
use wia_relayer::mesh::{self, Keypair, Mesh, Multiaddr};
use wia_relayer::{Config, RpcChain, Sharing};

use crate::support::{Anvil, CREDIT, Relay, config, message, origin, within};

const TAKEOVER_AFTER_BLOCKS: u64 = 2;
const PAYEE: Address = Address::repeat_byte(9);

/// A relayer with its mesh.
struct Member {
    relay: Relay,
    mesh: Mesh,
    meshing: JoinHandle<()>,
    _folder: TempDir,
}

fn key(number: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(number)).unwrap()
}

impl Member {
    /// Relayer `number` of 1, 2, 3; `alive_ms` is how long a silent one counts as alive.
    async fn start(anvil: &Anvil, number: u8, alive_ms: u64, bootstrap: &[Multiaddr]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sharing = Sharing {
            relayers: (1..=3).map(|n| key(n).address()).collect(),
            takeover_after_blocks: TAKEOVER_AFTER_BLOCKS,
            alive_ms,
        };
        // No block comes before all is taken: a transaction for each message must have a place in the pool.
        let config = Config { sharing, max_in_flight: 64, ..config(anvil) };
        let chain = RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap();
        let relay = Relay::start_as(key(number), anvil, folder.path(), config, Arc::new(chain)).await;
        let mesh_config = mesh::Config {
            listen: mesh::listen_addresses(Ipv4Addr::LOCALHOST.into(), 0),
            bootstrap: bootstrap.to_vec(),
            ..mesh::Config::new(anvil.deployment.chain_id)
        };
        let (engine, mesh) =
            mesh::open(mesh_config, Keypair::generate_ed25519(), relay.relayer.clone()).unwrap();
        let meshing = tokio::spawn(engine.run(CancellationToken::new()));
        within("the mesh listens", mesh.listening()).await.unwrap();
        Self { relay, mesh, meshing, _folder: folder }
    }

    async fn state(&self, relay_id: B256) -> Option<State> {
        let query = StatusQuery { relay_id, after: None, wait_ms: 0 };
        self.relay.relayer.status(query, &origin()).await.ok().map(|status| status.last.status)
    }

    /// Ends it at once, without a word to the others.
    async fn kill(self) {
        self.meshing.abort();
        self.relay.kill().await;
    }
}

/// Three relayers, each gossiping with both others.
async fn three(anvil: &Anvil, alive_ms: u64) -> Vec<Member> {
    let first = Member::start(anvil, 1, alive_ms, &[]).await;
    let known: Vec<Multiaddr> = first.mesh.addresses().iter().map(|a| a.parse().unwrap()).collect();
    let mut members = vec![first];
    for number in [2, 3] {
        members.push(Member::start(anvil, number, alive_ms, &known[..1]).await);
    }
    for member in &members {
        let all = member.mesh.until(|h| h.gossip_peers == 2 && h.claim_peers == 2);
        within("all share", all).await.unwrap();
    }
    members
}

/// So many payments of one wallet, handed in to the members in turn.
async fn pay(anvil: &Anvil, members: &[Member], payments: u64) -> Vec<(B256, Submission)> {
    let wallet = anvil.wallet(1, payments).await;
    let mut paid = Vec::new();
    for n in 0..payments {
        let submission = anvil.transfer(&wallet, PAYEE, 1, n).await;
        let member = &members[usize::try_from(n).unwrap() % members.len()];
        paid.push((member.relay.submit(&submission).await.unwrap().relay_id, submission));
    }
    paid
}

/// Waits until every member has every message.
async fn spread(members: &[Member], paid: &[(B256, Submission)]) {
    within("every message is everywhere", async {
        for member in members {
            for (relay_id, _) in paid {
                while member.state(*relay_id).await.is_none() {
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
}

/// Waits until every message is in a transaction of one member that is in the pool; says by whom.
async fn taken(
    anvil: &Anvil,
    members: &[Member],
    paid: &[(B256, Submission)],
) -> BTreeMap<B256, (usize, B256)> {
    let mut takers = BTreeMap::new();
    within("every message is taken", async {
        for (relay_id, _) in paid {
            while !takers.contains_key(relay_id) {
                for (i, member) in members.iter().enumerate() {
                    if member.state(*relay_id).await == Some(State::Submitted) {
                        let transaction = member.relay.status(*relay_id).await.last.tx_hash.unwrap();
                        anvil.pooled(transaction).await;
                        takers.insert(*relay_id, (i, transaction));
                    }
                }
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    takers
}

/// The nonces that were used, one entry per use, and how many items were passed over.
async fn executed(anvil: &Anvil) -> (Vec<B256>, usize) {
    let of = Filter::new().address(anvil.contract).from_block(0);
    let used = of.clone().event_signature(AuthorizationUsed::SIGNATURE_HASH);
    let used = anvil.provider.get_logs(&used).await.unwrap();
    let mut nonces: Vec<B256> = used.iter().map(|log| log.topics()[2]).collect();
    nonces.sort();
    let skipped = of.event_signature(AuthorizationSkipped::SIGNATURE_HASH);
    (nonces, anvil.provider.get_logs(&skipped).await.unwrap().len())
}

fn nonces(paid: &[(B256, Submission)]) -> Vec<B256> {
    let mut nonces: Vec<B256> = paid.iter().map(|(_, s)| message(s).nonce).collect();
    nonces.sort();
    nonces
}

#[tokio::test]
async fn three_relayers_share_the_work_and_nothing_is_executed_twice() {
    let anvil = Anvil::start().await;
    let members = three(&anvil, 60_000).await;
    let paid = pay(&anvil, &members, 48).await;
    spread(&members, &paid).await;
    let takers = taken(&anvil, &members, &paid).await;
    let shares: BTreeSet<_> = takers.values().map(|(member, _)| member).collect();
    assert_eq!(shares.len(), 3, "all have a share: {takers:?}");
    // While no block comes, no other one takes what one has taken.
    for (relay_id, _) in &paid {
        for (i, member) in members.iter().enumerate().filter(|(i, _)| *i != takers[relay_id].0) {
            assert_eq!(member.state(*relay_id).await, Some(State::Accepted), "{relay_id} at {i}");
        }
    }
    anvil.mine(1).await;
    assert_eq!(executed(&anvil).await, (nonces(&paid), 0));
}

#[tokio::test]
async fn what_a_killed_relayer_had_taken_the_others_do() {
    let anvil = Anvil::start().await;
    let mut members = three(&anvil, 1_000).await;
    let paid = pay(&anvil, &members, 24).await;
    spread(&members, &paid).await;
    let takers = taken(&anvil, &members, &paid).await;
    let lost: BTreeSet<B256> =
        takers.values().filter(|(member, _)| *member == 0).map(|(_, tx)| *tx).collect();
    assert!(!lost.is_empty(), "it has a share: {takers:?}");
    let killed = members.remove(0);
    let lane = killed.relay.lane.address();
    killed.kill().await;
    for transaction in lost {
        anvil.provider.anvil_drop_transaction(transaction).await.unwrap();
    }
    within("the others finish", async {
        while executed(&anvil).await.0.len() < paid.len() {
            anvil.mine(1).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(executed(&anvil).await.0, nonces(&paid), "each exactly once");
    assert_eq!(anvil.provider.get_transaction_count(lane).await.unwrap(), 0, "none by the killed one");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(24) * U256::from(CREDIT));
}
