//! The WebSocket session core under every stream: frames in, calls out to a [`Methods`], replies and pushes
//! back, all bounded.
//!
//! One task per connection does everything, so there is no queue between a subscription and its socket: a
//! push is taken from its stream when the socket has room, and pushes that are there at the same time leave
//! together. A reader that takes longer than the send time-out for one frame is cut with [`Close::SLOW`] and
//! resumes from its cursor. Serves C-030, C-031, C-040…C-042, C-115, C-116, X-06, X-07, X-11, X-49, X-60.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::future::{BoxFuture, join_all};
use futures::stream::{self, BoxStream, FuturesUnordered};
use futures::{FutureExt, SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_stream::StreamMap;
use tokio_util::sync::CancellationToken;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::jsonrpc::{self, Element, Frame, Id, Reply};
use wia_protocol::relay::MAX_MESSAGE_BYTES;
use wia_protocol::relay::batch::MAX_BATCH_BYTES;

use crate::config;

/// Beyond this the WebSocket layer itself refuses to gather a message, so that a stranger cannot make us
/// hold more. Between [`MAX_MESSAGE_BYTES`] and this are batches; another call of that size is refused, and the
/// connection lives on.
pub(crate) const HARD_LIMIT_BYTES: usize = MAX_BATCH_BYTES;

/// What a connection holds for the bytes that come and go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buffers {
    /// Held from the start, in bytes.
    pub(super) read: usize,
    /// How many bytes of frames are gathered before they are written, unless there are no more. Whoever once had so many
    /// to hear holds up to twice that from then on, or as much as its largest frame.
    pub(super) write: usize,
}

impl Buffers {
    /// Of a stream to which many listen and say little.
    pub(crate) const LISTENER: Self = Self { read: 1 << 10, write: 4 << 10 };
    /// Of one over which wallets listen, and speak now and then.
    pub(crate) const WALLET: Self = Self { read: 4 << 10, write: 16 << 10 };
    /// Of one over which few say much.
    pub(crate) const SPEAKER: Self = Self { read: 16 << 10, write: 16 << 10 };
}

/// The most pushes or replies that leave together; then whoever else waits for the connection has a turn.
const MAX_PUSHES_AT_ONCE: usize = 128;

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Close {
    code: u16,
    reason: &'static str,
}

impl Close {
    /// 1001: the node stops, or the connection was silent.
    pub(crate) const STOPPING: Close = Close { code: 1001, reason: "the node is stopping; reconnect" };
    const IDLE: Close = Close { code: 1001, reason: "nothing heard for the idle time-out; reconnect" };
    /// 1002, 1007: not WebSocket as RFC 6455 has it, or text that is no UTF-8.
    const PROTOCOL: Close = Close { code: 1002, reason: "protocol error; check the frame" };
    const NOT_UTF8: Close = Close { code: 1007, reason: "text must be UTF-8" };
    /// 1009: the message was too large to be gathered at all.
    const TOO_BIG: Close = Close { code: 1009, reason: "message too big" };
    /// 1011: our fault.
    pub(crate) const SERVER_ERROR: Close = Close { code: 1011, reason: "server error; retry with backoff" };
    /// 4000: the token was wrong or has expired (C-116).
    pub(crate) const AUTHENTICATION: Close = Close { code: 4000, reason: "authentication failed" };
    /// 4003 (ours): the reader is slower than its subscriptions; resume with the last cursor.
    pub(crate) const SLOW: Close = Close { code: 4003, reason: "too slow; resume from your cursor" };

    /// 1008: policy.
    pub(crate) const fn policy(reason: &'static str) -> Close {
        Close { code: 1008, reason }
    }
}

/// A stream of pushes, each a whole frame; an error ends the session.
pub(crate) type Pushes = BoxStream<'static, Result<String, Close>>;

/// What a method does with a call.
pub(crate) enum Step {
    /// The outcome is there.
    Done(Result<Value, RpcError>),
    /// The outcome comes; other calls go on meanwhile.
    Later(BoxFuture<'static, Result<Value, RpcError>>),
    /// Subscribed or unsubscribed: reply, push no more from `ended`, then push from `started`.
    Streams {
        /// What the caller is told.
        result: Value,
        /// New streams, each under a key of its own.
        started: Vec<(String, Pushes)>,
        /// Keys of streams that are over.
        ended: Vec<String>,
    },
    /// Subscribed, if it can be, which takes a moment to see: then the reply, and the pushes after it.
    Opening(BoxFuture<'static, Result<Opened, RpcError>>),
    /// Reply with the error, then close.
    Fatal(RpcError, Close),
}

/// A subscription that could be opened.
pub(crate) struct Opened {
    /// What the caller is told.
    pub(crate) result: Value,
    /// The stream, under a key of its own.
    pub(crate) stream: (String, Pushes),
}

/// The methods of one stream.
pub(crate) trait Methods: Send {
    /// Carries out one call. Calls arrive in order; `open` is how many subscriptions there are.
    fn call(&mut self, method: &str, params: Value, open: usize) -> Step;

    /// When the session must end unless something changes, and how.
    fn deadline(&self) -> Option<(Instant, Close)>;

    /// Whether a call of that method may be larger than [`MAX_MESSAGE_BYTES`], up to [`HARD_LIMIT_BYTES`].
    fn takes_large(&self, _method: &str) -> bool {
        false
    }

    /// A refusal that stands before the first call (a wrong token in the upgrade).
    fn opening_refusal(&mut self) -> Option<(RpcError, Close)> {
        None
    }
}

/// One connection's session.
pub(crate) struct Session {
    limits: config::Http,
    stop: CancellationToken,
}

/// Tells a socket that was never admitted why.
pub(crate) async fn refuse(socket: WebSocket, close: Close) {
    let mut connection = Connection { socket, send_timeout: Duration::from_secs(1) };
    connection.close(close).await;
}

impl Session {
    pub(crate) fn new(limits: config::Http, stop: CancellationToken) -> Self {
        Self { limits, stop }
    }

    /// Serves `socket` until either side ends it.
    pub(crate) async fn run(self, socket: WebSocket, mut methods: impl Methods) {
        let send_timeout = Duration::from_millis(self.limits.send_timeout_ms);
        let mut connection = Connection { socket, send_timeout };
        if let Some((error, close)) = methods.opening_refusal() {
            let reply = Reply::new(Id::null(), Err(error));
            if connection.send(frame(&reply)).await.is_ok() {
                connection.close(close).await;
            }
            return;
        }
        if let Err(Some(close)) = self.serve(&mut connection, &mut methods).await {
            connection.close(close).await;
        }
    }

    /// `Err(None)`: the other side has gone.
    async fn serve(
        &self,
        connection: &mut Connection,
        methods: &mut impl Methods,
    ) -> Result<(), Option<Close>> {
        let idle_timeout = Duration::from_millis(self.limits.idle_timeout_ms);
        let ping_every = Duration::from_millis(self.limits.ping_interval_ms);
        let mut ping = interval_at(Instant::now() + ping_every, ping_every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let mut pending = FuturesUnordered::<BoxFuture<'static, Finished>>::new();
        let mut streams = StreamMap::<String, Pushes>::new();
        // Subscriptions among the pending calls: they count as open.
        let mut opening = 0;
        loop {
            let idle = (heard + idle_timeout, Close::IDLE);
            let (until, close) = methods.deadline().filter(|d| d.0 < idle.0).unwrap_or(idle);
            tokio::select! {
                () = self.stop.cancelled() => return Err(Some(Close::STOPPING)),
                () = sleep_until(until) => return Err(Some(close)),
                _ = ping.tick() => connection.send(Message::Ping(Vec::new().into())).await?,
                Some(first) = pending.next(), if !pending.is_empty() => {
                    // Calls that waited for one fsync are answered by one write.
                    let mut finished = vec![first];
                    while finished.len() < MAX_PUSHES_AT_ONCE
                        && let Some(Some(next)) = pending.next().now_or_never()
                    {
                        finished.push(next);
                    }
                    for one in finished {
                        if let Some(text) = one.reply {
                            connection.feed(Message::text(text)).await?;
                        }
                        one.replied.cancel();
                        opening -= one.opening;
                        streams.extend(one.started);
                    }
                    connection.flush().await?;
                }
                Some((_, push)) = streams.next(), if !streams.is_empty() => {
                    connection.feed(Message::text(push.map_err(Some)?)).await?;
                    for _ in 1..MAX_PUSHES_AT_ONCE {
                        let Some(Some((_, push))) = streams.next().now_or_never() else { break };
                        connection.feed(Message::text(push.map_err(Some)?)).await?;
                    }
                    connection.flush().await?;
                }
                message = connection.socket.recv(), if pending.len() < self.limits.max_pending_calls => {
                    heard = Instant::now();
                    let text = match message {
                        Some(Ok(Message::Text(text))) => text,
                        Some(Ok(Message::Binary(_))) => {
                            connection.send(frame(&jsonrpc::not_text())).await?;
                            continue;
                        }
                        // The WebSocket layer answers pings and closes itself.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_))) => {
                            connection.echo_close().await;
                            return Err(None);
                        }
                        None => return Err(None),
                        Some(Err(error)) => return Err(connection.broken(&error).await),
                    };
                    metrics::counter!("wia_ws_frames_total").increment(1);
                    let taken = take(&text, methods, streams.len() + opening);
                    if let Some(now) = taken.now {
                        connection.send(Message::text(now)).await?;
                    }
                    opening += taken.opening;
                    pending.extend(taken.later);
                    for key in taken.ended {
                        streams.remove(&key);
                    }
                    streams.extend(taken.started);
                    if let Some(close) = taken.close {
                        return Err(Some(close));
                    }
                }
            }
        }
    }
}

/// What one frame leads to.
#[derive(Default)]
struct Taken {
    now: Option<String>,
    later: Option<BoxFuture<'static, Finished>>,
    started: Vec<(String, Pushes)>,
    /// Subscriptions of which `later` will say whether they are open.
    opening: usize,
    ended: Vec<String>,
    close: Option<Close>,
}

/// What a frame that had to wait ends with: its reply, the signal to its subscriptions that it was sent, and what it
/// opened.
#[derive(Default)]
struct Finished {
    reply: Option<String>,
    replied: CancellationToken,
    started: Vec<(String, Pushes)>,
    opening: usize,
}

/// A call's outcome, now or later.
enum Outcome {
    Now(Reply),
    Later(BoxFuture<'static, Answer>),
}

/// What a call that had to wait ends with; no reply to a notification.
struct Answer {
    reply: Option<Reply>,
    started: Option<(String, Pushes)>,
}

fn take(text: &str, methods: &mut impl Methods, open: usize) -> Taken {
    let mut taken = Taken::default();
    let parsed = jsonrpc::parse(text);
    if text.len() > MAX_MESSAGE_BYTES {
        let large = matches!(&parsed, Ok(Frame::Single(Ok(call))) if methods.takes_large(&call.method));
        if !large {
            taken.now = Some(text_of(&jsonrpc::oversize(MAX_MESSAGE_BYTES)));
            return taken;
        }
    }
    match parsed {
        Err(reply) => taken.now = Some(text_of(&reply)),
        Ok(Frame::Single(element)) => match carry_out(element, methods, open, &mut taken) {
            None => {}
            Some(Outcome::Now(reply)) => taken.now = Some(text_of(&reply)),
            Some(Outcome::Later(answer)) => {
                let opening = taken.opening;
                let finish = move |answer: Answer| Finished {
                    reply: answer.reply.as_ref().map(text_of),
                    started: answer.started.into_iter().collect(),
                    opening,
                    ..Finished::default()
                };
                taken.later = Some(answer.map(finish).boxed());
            }
        },
        Ok(Frame::Batch(elements)) => {
            let outcomes: Vec<_> =
                elements.into_iter().filter_map(|e| carry_out(e, methods, open, &mut taken)).collect();
            let all = outcomes.into_iter().map(|outcome| async move {
                match outcome {
                    Outcome::Now(reply) => Answer { reply: Some(reply), started: None },
                    Outcome::Later(answer) => answer.await,
                }
            });
            // Subscriptions of a batch are open from now on, but push only after its reply.
            let replied = CancellationToken::new();
            for (_, pushes) in &mut taken.started {
                let silent = std::mem::replace(pushes, stream::empty().boxed());
                let after = stream::once(replied.clone().cancelled_owned()).filter_map(|()| async { None });
                *pushes = after.chain(silent).boxed();
            }
            let opening = taken.opening;
            let finish = move |answers: Vec<Answer>| {
                let (replies, started): (Vec<_>, Vec<_>) =
                    answers.into_iter().map(|a| (a.reply, a.started)).unzip();
                let replies: Vec<_> = replies.into_iter().flatten().collect();
                // A batch of notifications alone is not answered at all (JSON-RPC 2.0 §6).
                let reply =
                    (!replies.is_empty()).then(|| serde_json::to_string(&replies).unwrap_or_default());
                Finished { reply, replied, started: started.into_iter().flatten().collect(), opening }
            };
            taken.later = Some(join_all(all).map(finish).boxed());
        }
    }
    taken
}

fn carry_out(
    element: Element,
    methods: &mut impl Methods,
    open: usize,
    taken: &mut Taken,
) -> Option<Outcome> {
    let call = match element {
        Ok(call) => call,
        Err(reply) => return Some(Outcome::Now(reply)),
    };
    let open = open + taken.started.len() + taken.opening;
    let (outcome, id): (_, Option<Id>) = (methods.call(&call.method, call.params, open), call.id);
    let result = match outcome {
        Step::Done(result) => result,
        Step::Later(result) => {
            let answer = |result| Answer { reply: id.map(|id| Reply::new(id, result)), started: None };
            return Some(Outcome::Later(result.map(answer).boxed()));
        }
        Step::Opening(opened) => {
            taken.opening += 1;
            let answer = |opened: Result<Opened, RpcError>| {
                let (result, started) = match opened {
                    Ok(Opened { result, stream }) => (Ok(result), Some(stream)),
                    Err(error) => (Err(error), None),
                };
                Answer { reply: id.map(|id| Reply::new(id, result)), started }
            };
            return Some(Outcome::Later(opened.map(answer).boxed()));
        }
        Step::Streams { result, started, ended } => {
            taken.started.retain(|(key, _)| !ended.contains(key));
            taken.started.extend(started);
            taken.ended.extend(ended);
            Ok(result)
        }
        Step::Fatal(error, close) => {
            taken.close = Some(close);
            Err(error)
        }
    };
    id.map(|id| Outcome::Now(Reply::new(id, result)))
}

/// -32601 for a method that a stream does not have.
pub(crate) fn unknown_method(method: &str) -> RpcError {
    RpcError::new(Code::MethodNotFound, "method", format!("`{method}` is not a method of this stream"))
}

fn text_of(reply: &Reply) -> String {
    serde_json::to_string(reply).unwrap_or_default()
}

fn frame(reply: &Reply) -> Message {
    Message::text(text_of(reply))
}

/// What a send means that succeeded, failed, or took too long.
fn in_time(sent: Result<Result<(), axum::Error>, Elapsed>) -> Result<(), Option<Close>> {
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => {
            metrics::counter!("wia_ws_slow_readers_total").increment(1);
            Err(Some(Close::SLOW))
        }
    }
}

/// A socket whose every send is bounded in time.
struct Connection {
    socket: WebSocket,
    send_timeout: Duration,
}

impl Connection {
    /// `Err(Some)`: close with that; `Err(None)`: the other side has gone.
    async fn send(&mut self, message: Message) -> Result<(), Option<Close>> {
        let sent = timeout(self.send_timeout, self.socket.send(message)).await;
        in_time(sent)
    }

    /// As [`Connection::send`], but the frame may wait for [`Connection::flush`].
    async fn feed(&mut self, message: Message) -> Result<(), Option<Close>> {
        let fed = timeout(self.send_timeout, self.socket.feed(message)).await;
        in_time(fed)
    }

    async fn flush(&mut self) -> Result<(), Option<Close>> {
        let flushed = timeout(self.send_timeout, self.socket.flush()).await;
        in_time(flushed)
    }

    /// What a failed receive means: too large gets its JSON-RPC error and 1009, anything else is a dead peer.
    async fn broken(&mut self, error: &axum::Error) -> Option<Close> {
        use tokio_tungstenite::tungstenite::Error;
        match std::error::Error::source(error).and_then(|e| e.downcast_ref::<Error>()) {
            Some(Error::Capacity(_)) => {}
            Some(Error::Utf8(_)) => return Some(Close::NOT_UTF8),
            Some(Error::Protocol(_)) => return Some(Close::PROTOCOL),
            _ => return None,
        }
        let refusal = frame(&jsonrpc::oversize(MAX_MESSAGE_BYTES));
        self.send(refusal).await.err().unwrap_or(Some(Close::TOO_BIG))
    }

    /// Lets the WebSocket layer's answer to a close frame leave (RFC 6455 §5.5.1).
    async fn echo_close(&mut self) {
        let gone = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(Duration::from_secs(1), gone).await;
    }

    async fn close(&mut self, close: Close) {
        let frame = CloseFrame { code: close.code, reason: close.reason.into() };
        // Best effort, bounded: a reader that is too slow for data may be too slow for this.
        if timeout(Duration::from_secs(1), self.socket.send(Message::Close(Some(frame)))).await.is_ok() {
            // Wait for the echo, so that the close frame is not lost to a reset.
            self.echo_close().await;
        }
    }
}
