//! Gossip: signed submissions from a wallet to one relayer, which validates them and passes them on to the next, which
//! validates them, too.
//!
//! Two real mesh engines and a real client on loopback TCP, in this process. In the place of the relayer stands what the
//! intake does to judge a signature, and nothing else: no disk, no chain. Never more messages are under way than one
//! engine validates at once, so that none is shed; the clock runs from the first publication until the second relayer has
//! believed the last message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use wia_abi::Authorization;
use wia_abi::authorization::{Domain, recover};
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::{Claim, Submission};
use wia_relayer::mesh::{self, Client, Keypair, Mesh, Rate, RelayService};
use wia_relayer::{ClaimNews, Origin, Outgoing};

use super::load::{Load, Signed};
use super::verify::UNIT;
use crate::error::BenchError;
use crate::process::own_usage;
use crate::report::{Figure, Quantity, Section};
use crate::wait::within;

/// Messages on their way to the second relayer; an engine validates 1,024 at once.
const UNDER_WAY: usize = 512;

/// Publications that the client is asked for at a time: what its mailbox holds.
const ASKED: usize = 64;

/// Signature verifications of one relayer at a time: the intake's default.
const VERIFIERS: usize = 4;

/// The pace of one peer is what is measured, so it is not what bounds it.
const PACE: u32 = 1_000_000;

const TIMEOUT: Duration = Duration::from_secs(300);
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);

const LEAST_PER_S: usize = 10_000;

/// The judgement of a relayer's intake on a signature.
#[derive(Clone)]
struct Judge(Arc<Judged>);

struct Judged {
    domain: Domain,
    verifiers: Semaphore,
    believed: AtomicUsize,
    refused: AtomicUsize,
    /// One permit for every message that was judged.
    judged: Semaphore,
}

impl Judge {
    fn new(load: &Load) -> Self {
        Self(Arc::new(Judged {
            domain: Domain::carbon_credit(load.contract.chain_id, load.contract.address),
            verifiers: Semaphore::new(VERIFIERS),
            believed: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            judged: Semaphore::new(0),
        }))
    }

    /// That it believed so many messages, and doubted none.
    fn check(&self, count: usize) -> Result<(), BenchError> {
        let (believed, refused) =
            (self.0.believed.load(Ordering::Relaxed), self.0.refused.load(Ordering::Relaxed));
        if (believed, refused) == (count, 0) {
            return Ok(());
        }
        let what = format!("gossip: {believed} of {count} were believed, {refused} refused");
        Err(BenchError::Wrong(what))
    }
}

impl RelayService for Judge {
    async fn call(&self, _method: &str, _params: &Value, _origin: &Origin) -> Result<Value, RpcError> {
        Err(RpcError::new(Code::MethodNotFound, "method", "only gossip is measured here"))
    }

    async fn submit(&self, submission: Submission, _origin: &Origin) -> Result<(), RpcError> {
        let Judged { domain, verifiers, believed, refused, judged } = &*self.0;
        let (digest, signer) = (submission.message.digest(domain), submission.message.signer());
        let place = verifiers.acquire().await.map_err(|_| RpcError::internal())?;
        let signature = submission.signature;
        let recovered = tokio::task::spawn_blocking(move || recover(digest, &signature)).await;
        drop(place);
        let right = recovered.is_ok_and(|recovered| recovered == Some(signer));
        let count = if right { believed } else { refused };
        count.fetch_add(1, Ordering::Relaxed);
        judged.add_permits(1);
        if right { Ok(()) } else { Err(RpcError::invalid("signature", "is not by `from`")) }
    }

    /// Each is alone: no claims, and nothing of its own to gossip.
    fn shares(&self) -> bool {
        false
    }

    async fn claim(&self, _claim: Claim) -> ClaimNews {
        ClaimNews::Nothing
    }

    async fn outgoing(&self) -> Outgoing {
        std::future::pending().await
    }
}

/// Gossips the load.
pub(super) async fn gossip(load: &Load) -> Result<Section, BenchError> {
    let stop = CancellationToken::new();
    let outcome = spread(load, &stop).await;
    stop.cancel();
    outcome
}

async fn spread(load: &Load, stop: &CancellationToken) -> Result<Section, BenchError> {
    let (first, second) = (Judge::new(load), Judge::new(load));
    let near = relayer(load, &[], first.clone(), stop).await?;
    let far = relayer(load, &near.addresses(), second.clone(), stop).await?;
    // Each knows that the other takes the topic.
    for mesh in [&near, &far] {
        within("the relayers to meet", DIAL_TIMEOUT, async {
            mesh.until(|health| health.gossip_peers > 0).await.map_err(failed)
        })
        .await?;
    }
    let address = near.addresses().first().cloned().unwrap_or_default();
    let address = address.parse().map_err(BenchError::malformed(&address))?;
    let client = Client::dial(address, TIMEOUT).await.map_err(failed)?;
    let under_way = Semaphore::new(UNDER_WAY);
    let count = load.messages.len();
    let before = own_usage()?.cpu;
    let started = Instant::now();
    let publishing = async {
        let publications = stream::iter(&load.messages).map(|signed| {
            let (client, under_way, submission) = (&client, &under_way, submission(load, signed));
            async move {
                let place = under_way.acquire().await.map_err(failed)?;
                place.forget();
                client.publish(load.contract.chain_id, &submission).await.map_err(failed)
            }
        });
        let mut published = publications.buffer_unordered(ASKED);
        while let Some(outcome) = published.next().await {
            outcome?;
        }
        Ok(())
    };
    let arriving = async {
        for _ in 0..count {
            second.0.judged.acquire().await.map_err(failed)?.forget();
            under_way.add_permits(1);
        }
        Ok(())
    };
    within("all gossip to arrive", TIMEOUT, async { tokio::try_join!(publishing, arriving) }).await?;
    let wall = started.elapsed();
    let cpu = own_usage()?.cpu - before;
    first.check(count)?;
    second.check(count)?;
    let micros_each = cpu / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    Ok(Section::new("gossip, a wallet, a relayer, the next relayer")
        .figure(Figure::at_least(
            "published to validated by both relayers",
            Quantity::per_s(count, wall, UNIT),
            Quantity::per_s(LEAST_PER_S, Duration::from_secs(1), UNIT),
        ))
        .figure(Figure::plain("processor time of all three, for each message", Quantity::us(micros_each)))
        .raw("messages", count)
        .raw("underWay", UNDER_WAY))
}

/// A mesh node on a free port that runs until `stop`.
async fn relayer(
    load: &Load,
    bootstrap: &[String],
    judge: Judge,
    stop: &CancellationToken,
) -> Result<Mesh, BenchError> {
    let mut config = mesh::Config::new(load.contract.chain_id);
    config.listen = mesh::listen_addresses([127, 0, 0, 1].into(), 0);
    // TCP alone.
    config.listen.truncate(1);
    config.limits.gossip_rate = Rate::new(PACE, PACE);
    for address in bootstrap {
        config.bootstrap.push(address.parse().map_err(BenchError::malformed(address))?);
    }
    let (engine, mesh) = mesh::open(config, Keypair::generate_ed25519(), judge).map_err(failed)?;
    tokio::spawn(engine.run(stop.clone()));
    within("a mesh node to listen", DIAL_TIMEOUT, async { mesh.listening().await.map_err(failed) }).await?;
    Ok(mesh)
}

fn submission(load: &Load, signed: &Signed) -> Submission {
    Submission {
        chain_id: load.contract.chain_id,
        contract: wia_abi::carbon_credit::NAME.to_owned(),
        message: Authorization::from(&signed.message),
        signature: signed.signature.clone(),
    }
}

fn failed<E: std::fmt::Display>(error: E) -> BenchError {
    BenchError::connection("mesh")(error)
}
