//! Gossip: signed submissions from one relayer to the next, which validates them; and from a wallet to a relayer, which
//! validates them and passes them on to the next, which validates them, too.
//!
//! Real mesh engines, and a real client, on loopback TCP, in this process. In the place of the relayer stands what the
//! intake does to judge a signature, on threads of the same kind, and nothing else: no disk, no chain. Never more messages
//! are under way than one engine validates at once, so that none is shed; the clock runs from the first message until the
//! last relayer has believed the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use wia_abi::Authorization;
use wia_abi::authorization::Domain;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::{Claim, Submission};
use wia_relayer::mesh::{self, Client, Keypair, Mesh, Rate, RelayService};
use wia_relayer::{ClaimNews, Origin, Outgoing, Verifiers};

use super::load::{Load, Signed};
use super::verify::UNIT;
use crate::error::BenchError;
use crate::process::own_usage;
use crate::report::{Figure, Quantity, Section};
use crate::wait::within;

/// Messages on their way to the last relayer; an engine validates 1,024 at once.
const UNDER_WAY: usize = 512;

/// Publications that the client is asked for at a time: what its mailbox holds.
const ASKED: usize = 64;

/// Threads of one relayer that verify signatures: the intake's default.
const VERIFIERS: usize = 4;

/// The pace of one peer is what is measured, so it is not what bounds it.
const PACE: u32 = 1_000_000;

const TIMEOUT: Duration = Duration::from_secs(300);
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);

/// The goal is of two nodes: what one tells, the other has validated.
const LEAST_PER_S: usize = 10_000;

/// The judgement of a relayer's intake on a signature.
#[derive(Clone)]
struct Judge(Arc<Judged>);

struct Judged {
    domain: Domain,
    verifiers: Verifiers,
    believed: AtomicUsize,
    refused: AtomicUsize,
    /// One permit for every message that was judged.
    judged: Semaphore,
    tell: mpsc::Sender<Submission>,
    /// What its relayer tells the others.
    told: Mutex<mpsc::Receiver<Submission>>,
}

impl Judge {
    fn new(load: &Load) -> Result<Self, BenchError> {
        let (tell, told) = mpsc::channel(UNDER_WAY);
        Ok(Self(Arc::new(Judged {
            domain: Domain::carbon_credit(load.contract.chain_id, load.contract.address),
            verifiers: Verifiers::start(VERIFIERS).map_err(failed)?,
            believed: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            judged: Semaphore::new(0),
            tell,
            told: Mutex::new(told),
        })))
    }

    /// Until it has judged so many.
    async fn has_judged(&self, count: usize, each: impl Fn()) -> Result<(), BenchError> {
        for _ in 0..count {
            self.0.judged.acquire().await.map_err(failed)?.forget();
            each();
        }
        Ok(())
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
        let Judged { domain, verifiers, believed, refused, judged, .. } = &*self.0;
        let (digest, signer) = (submission.message.digest(domain), submission.message.signer());
        let right = verifiers.recover(digest, submission.signature).await? == Some(signer);
        let count = if right { believed } else { refused };
        count.fetch_add(1, Ordering::Relaxed);
        judged.add_permits(1);
        if right { Ok(()) } else { Err(RpcError::invalid("signature", "is not by `from`")) }
    }

    /// No claims.
    fn shares(&self) -> bool {
        false
    }

    async fn claim(&self, _claim: Claim) -> ClaimNews {
        ClaimNews::Nothing
    }

    async fn outgoing(&self) -> Outgoing {
        // It has the other end itself, so it never ends.
        match self.0.told.lock().await.recv().await {
            Some(submission) => Outgoing::Submission(Box::new(submission)),
            None => std::future::pending().await,
        }
    }
}

/// Two relayers that know each other, with their judges; they end when dropped.
struct Pair {
    near: (Mesh, Judge),
    far: (Mesh, Judge),
    _stop: DropGuard,
}

impl Pair {
    async fn meet(load: &Load) -> Result<Self, BenchError> {
        let stop = CancellationToken::new();
        let near = relayer(load, &[], &stop).await?;
        let far = relayer(load, &near.0.addresses(), &stop).await?;
        // Each knows that the other takes the topic.
        for (mesh, _) in [&near, &far] {
            within("the relayers to meet", DIAL_TIMEOUT, async {
                mesh.until(|health| health.gossip_peers > 0).await.map_err(failed)
            })
            .await?;
        }
        Ok(Self { near, far, _stop: stop.drop_guard() })
    }
}

/// What a passage took.
struct Passage {
    wall: Duration,
    cpu: Duration,
}

/// Gossips the load, both ways.
pub(super) async fn gossip(load: &Load) -> Result<Section, BenchError> {
    let told = told(load, &Pair::meet(load).await?).await?;
    let published = published(load, &Pair::meet(load).await?).await?;
    let count = load.messages.len();
    let rate = |passage: &Passage| Quantity::per_s(count, passage.wall, UNIT);
    let each =
        |passage: &Passage| Quantity::us(passage.cpu / u32::try_from(count).unwrap_or(u32::MAX).max(1));
    let least = Quantity::per_s(LEAST_PER_S, Duration::from_secs(1), UNIT);
    Ok(Section::new("gossip, from one relayer to the next")
        .figure(Figure::at_least("told to validated", rate(&told), least))
        .figure(Figure::plain("processor time of both, for each message", each(&told)))
        .figure(Figure::plain("from a wallet: published to validated by both", rate(&published)))
        .figure(Figure::plain("processor time of all three, for each message", each(&published)))
        .raw("messages", count)
        .raw("underWay", UNDER_WAY))
}

/// The first relayer tells the second one.
async fn told(load: &Load, pair: &Pair) -> Result<Passage, BenchError> {
    let under_way = Semaphore::new(UNDER_WAY);
    let telling = async {
        for signed in &load.messages {
            under_way.acquire().await.map_err(failed)?.forget();
            pair.near.1.0.tell.send(submission(load, signed)).await.map_err(failed)?;
        }
        Ok(())
    };
    let passage = passage(load, pair, &under_way, telling).await?;
    pair.near.1.check(0)?;
    Ok(passage)
}

/// A wallet publishes to the first relayer, which passes it on to the second one.
async fn published(load: &Load, pair: &Pair) -> Result<Passage, BenchError> {
    let address = pair.near.0.addresses().first().cloned().unwrap_or_default();
    let address = address.parse().map_err(BenchError::malformed(&address))?;
    let client = Client::dial(address, TIMEOUT).await.map_err(failed)?;
    let under_way = Semaphore::new(UNDER_WAY);
    let publishing = async {
        let publications = stream::iter(&load.messages).map(|signed| {
            let (client, under_way, submission) = (&client, &under_way, submission(load, signed));
            async move {
                under_way.acquire().await.map_err(failed)?.forget();
                client.publish(load.contract.chain_id, &submission).await.map_err(failed)
            }
        });
        let mut published = publications.buffer_unordered(ASKED);
        while let Some(outcome) = published.next().await {
            outcome?;
        }
        Ok(())
    };
    let passage = passage(load, pair, &under_way, publishing).await?;
    pair.near.1.check(load.messages.len())?;
    Ok(passage)
}

/// From the first message until the far relayer has judged the last one, each of them right.
async fn passage(
    load: &Load,
    pair: &Pair,
    under_way: &Semaphore,
    sending: impl Future<Output = Result<(), BenchError>>,
) -> Result<Passage, BenchError> {
    let (count, far) = (load.messages.len(), &pair.far.1);
    let before = own_usage()?.cpu;
    let started = Instant::now();
    let arriving = far.has_judged(count, || under_way.add_permits(1));
    within("all gossip to arrive", TIMEOUT, async { tokio::try_join!(sending, arriving) }).await?;
    let passage = Passage { wall: started.elapsed(), cpu: own_usage()?.cpu - before };
    far.check(count)?;
    Ok(passage)
}

/// A mesh node on a free port that runs until `stop`.
async fn relayer(
    load: &Load,
    bootstrap: &[String],
    stop: &CancellationToken,
) -> Result<(Mesh, Judge), BenchError> {
    let mut config = mesh::Config::new(load.contract.chain_id);
    config.listen = mesh::listen_addresses([127, 0, 0, 1].into(), 0);
    // TCP alone.
    config.listen.truncate(1);
    config.limits.gossip_rate = Rate::new(PACE, PACE);
    for address in bootstrap {
        config.bootstrap.push(address.parse().map_err(BenchError::malformed(address))?);
    }
    let judge = Judge::new(load)?;
    let (engine, mesh) = mesh::open(config, Keypair::generate_ed25519(), judge.clone()).map_err(failed)?;
    tokio::spawn(engine.run(stop.clone()));
    within("a mesh node to listen", DIAL_TIMEOUT, async { mesh.listening().await.map_err(failed) }).await?;
    Ok((mesh, judge))
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
