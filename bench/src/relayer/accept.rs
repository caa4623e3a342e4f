//! Acceptance at a steady pace: from the moment at which a submission is due until its durable receipt has been read.
//!
//! Open loop: the due times are fixed before, whatever comes back when, and a sample counts from its due time, so that a
//! relayer that stalls does not stop the clock of those who wait to be sent. A thread of its own sends, one more for each
//! socket reads; none of them shares a runtime with anything.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes, client};

use super::chain::Chain;
use super::load::Load;
use super::node::{Node, Setup};
use super::pipeline::{Answer, request};
use crate::error::BenchError;
use crate::measure::{micros, percentile};
use crate::report::{Figure, Quantity, Section};
use crate::socket::authority;

/// Submissions per second.
pub(super) const PER_S: usize = 1_000;

/// Seconds before that are not counted: connections, caches and code are cold.
pub(super) const WARM_UP_S: usize = 2;

/// An answer that takes longer counts as lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

const SETTLE_TIMEOUT: Duration = Duration::from_secs(120);

const MOST_P50: Duration = Duration::from_millis(2);
const MOST_P99: Duration = Duration::from_millis(15);

/// One connection: what writes, and what reads.
type Ends = (WebSocket<TcpStream>, WebSocket<TcpStream>);

/// When each answer of one socket had been read, in the order of the requests.
type Arrivals = Result<Vec<Instant>, BenchError>;

/// Submits the load at [`PER_S`].
pub(super) async fn accept(
    chain: &Chain,
    setup: &Setup,
    load: &Load,
    sockets: usize,
) -> Result<Section, BenchError> {
    chain.fund(load).await?;
    let requests: Arc<[_]> =
        load.messages.iter().enumerate().map(|(id, signed)| request(load, id, signed)).collect();
    let digests: Arc<[_]> = load.messages.iter().map(|signed| signed.digest.to_string()).collect();
    chain.run().await?;
    let mut node = Node::start(setup, chain).await?;
    let url = node.doors.relay_url.clone();
    chain.next_block().await?;
    let before = node.usage()?.cpu;
    let pacing = tokio::task::spawn_blocking(move || pace(&url, &requests, &digests, sockets.max(1)));
    let samples = tokio::select! {
        done = pacing => done.map_err(BenchError::malformed("a thread"))??,
        ended = node.ended() => return Err(ended),
    };
    let cpu = node.usage()?.cpu - before;
    chain.settled(load, SETTLE_TIMEOUT).await?;
    chain.check(load).await?;
    node.stop().await?;
    let counted = samples.get(WARM_UP_S * PER_S..).unwrap_or_default();
    let latencies: Vec<_> = counted.iter().map(|sample| sample.accepted).collect();
    let late: Vec<_> = counted.iter().map(|sample| sample.sent).collect();
    let at = |of: &[Duration], percent| Quantity::ms(percentile(of, percent).unwrap_or_default());
    Ok(Section::new(format!("accept, {PER_S} submissions per second, {sockets} sockets"))
        .figure(Figure::at_most("due to receipt read, p50", at(&latencies, 50), Quantity::ms(MOST_P50)))
        .figure(Figure::at_most("due to receipt read, p99", at(&latencies, 99), Quantity::ms(MOST_P99)))
        .figure(Figure::plain("due to receipt read, longest", at(&latencies, 100)))
        .figure(Figure::plain("of it until sent, p99", at(&late, 99)))
        .figure(Figure::plain("wia's processor time", Quantity::s(cpu)))
        .raw("acceptedUs", micros(&latencies))
        .raw("sentUs", micros(&late)))
}

/// One submission, both from its due time.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Written to the socket.
    sent: Duration,
    /// The receipt read.
    accepted: Duration,
}

/// Sends request `i` at `i` / [`PER_S`] seconds over socket `i` mod `sockets`.
fn pace(
    url: &str,
    requests: &[Utf8Bytes],
    digests: &Arc<[String]>,
    sockets: usize,
) -> Result<Vec<Sample>, BenchError> {
    let mut writers = Vec::new();
    let mut readers: Vec<JoinHandle<Arrivals>> = Vec::new();
    for number in 0..sockets {
        let (writer, reader) = connect(url)?;
        let digests = digests.clone();
        writers.push(writer);
        readers.push(thread::spawn(move || read(reader, &digests, number, sockets)));
    }
    let interval = Duration::from_secs(1) / u32::try_from(PER_S).unwrap_or(1);
    let first = Instant::now();
    let mut sent = Vec::with_capacity(requests.len());
    let mut due = first;
    for (at, text) in requests.iter().enumerate() {
        wait_until(due);
        let Some(writer) = writers.get_mut(at % sockets) else { break };
        writer.send(Message::Text(text.clone())).map_err(BenchError::connection(url))?;
        sent.push((due, Instant::now()));
        due += interval;
    }
    let mut arrivals = Vec::new();
    for reader in readers {
        let panicked = |_| BenchError::Wrong("a reading thread panicked".into());
        arrivals.push(reader.join().map_err(panicked)??);
    }
    let sample = |(at, (due, sent)): (usize, (Instant, Instant))| {
        let accepted = *arrivals.get(at % sockets)?.get(at / sockets)?;
        Some(Sample { sent: sent - due, accepted: accepted - due })
    };
    Ok(sent.into_iter().enumerate().filter_map(sample).collect())
}

/// A timer of the kernel's, which is finer than the runtime's whole milliseconds. Parking may end early.
fn wait_until(due: Instant) {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

/// Reads the answers to every `sockets`-th request from `number` on.
fn read(mut socket: WebSocket<TcpStream>, digests: &[String], number: usize, sockets: usize) -> Arrivals {
    let count = digests.iter().skip(number).step_by(sockets).count();
    let mut arrivals = vec![None; count];
    let mut missing = count;
    while missing > 0 {
        let message = socket.read().map_err(BenchError::connection("relay socket"))?;
        let at = Instant::now();
        let Message::Text(text) = message else { continue };
        let answer = Answer::read(&text)?;
        answer.check(digests.get(answer.id), &text)?;
        match arrivals.get_mut(answer.id / sockets) {
            Some(place @ None) => *place = Some(at),
            _ => return Err(BenchError::Wrong(format!("relay.submit {} was answered twice", answer.id))),
        }
        missing -= 1;
    }
    Ok(arrivals.into_iter().flatten().collect())
}

/// Opens a connection and takes its two directions apart.
fn connect(url: &str) -> Result<Ends, BenchError> {
    let open = || -> io::Result<TcpStream> {
        let tcp = TcpStream::connect(authority(url))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(tcp)
    };
    let opened = client(url, open().map_err(BenchError::connection(url))?);
    let (writer, _) = opened.map_err(BenchError::connection(url))?;
    // Nothing is pushed before it is asked for, so nothing was read ahead with the handshake.
    let reading = writer.get_ref().try_clone().map_err(BenchError::connection(url))?;
    Ok((writer, WebSocket::from_raw_socket(reading, Role::Client, None)))
}
