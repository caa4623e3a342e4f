//! `/carbon-credit-micro/v1/stream`: authenticate, subscribe, relay. Serves C-020…C-031, C-052, C-053,
//! X-08….
//!
//! `wallet.balance` and `blockchain.confirmations` are private: they carry what touches the wallets of the
//! session's user. Each push has a `cursor`; `subscribe` with it resumes strictly after that push. The channels of
//! one `subscribe` are pushed in the order of their cursors, so that the last one seen is enough to resume all;
//! channels subscribed apart have cursors apart.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures::stream::unfold;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::Instant;
use wia_indexer::{Filter, Indexer, IndexerError, Start, Subscription};
use wia_protocol::RpcError;
use wia_protocol::carbon::{Channel, Channels};
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::method;
use wia_relayer::Origin;

use super::relay::socket::RelayCalls;
use super::session::{Buffers, Close, Methods, Pushes, Step, unknown_method};
use super::{Shared, Upgrade, open, relay};
use crate::clock;
use crate::identity::{Scope, User, Verifier};

/// A session ends after this, whatever its token says: the documents' twelve hours (C-036, X-13), in seconds.
const MAX_SESSION_S: u64 = 12 * 3_600;

/// What the stream opens onto.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) shared: Shared,
    pub(super) relay: relay::Door,
    pub(super) indexer: Indexer,
    pub(super) verifier: Arc<Verifier>,
}

/// `GET /carbon-credit-micro/v1/stream`
pub(super) async fn carbon(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    // a token may come with the upgrade. A wrong one is refused on the socket, as the documents say.
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().to_owned());
    let upgrade = upgrade.map(|u| u.protocols([wia_protocol::carbon::SUBPROTOCOL]));
    let shared = door.shared.clone();
    open(
        shared,
        peer.ip(),
        &headers,
        upgrade,
        Buffers::WALLET,
        move |session, socket, _, client| async move {
            session.run(socket, CarbonStream::new(door, client, bearer)).await;
        },
    )
}

/// The methods of the carbon stream.
struct CarbonStream {
    door: Door,
    client: IpAddr,
    authenticate_by: Instant,
    /// The token that came with the upgrade, until the session looks at it.
    bearer: Option<String>,
    session: Option<Authenticated>,
    /// The streams that are open, each with the channels that it still pushes.
    open: Vec<(String, Channelled)>,
    subscribed: u64,
}

/// The channels of one stream, shared with it.
type Channelled = Arc<Mutex<BTreeSet<Channel>>>;

struct Authenticated {
    user: User,
    ends: Instant,
    relay: RelayCalls,
}

impl CarbonStream {
    fn new(door: Door, client: IpAddr, bearer: Option<String>) -> Self {
        let timeout = Duration::from_millis(door.shared.services.config.auth_timeout_ms);
        let authenticate_by = Instant::now() + timeout;
        Self { door, client, authenticate_by, bearer, session: None, open: Vec::new(), subscribed: 0 }
    }

    /// Believes a token, or says why not. Gives the keys of streams that the new token does not cover.
    fn authenticate(&mut self, token: &str) -> Result<Vec<String>, RpcError> {
        let user = self.door.verifier.verify(token).map_err(|e| {
            metrics::counter!("wia_auth_refused_total").increment(1);
            RpcError::new(Code::Unauthorized, "token", e.to_string())
        })?;
        if let Some(session) = &self.session
            && session.user.id != user.id
        {
            return Err(RpcError::new(
                Code::Forbidden,
                "token",
                "this session is another user's; open a connection of your own",
            ));
        }
        let changed = self.session.as_ref().is_some_and(|before| !before.user.same_rights(&user));
        let ended = if changed { self.close(&Channel::ALL) } else { Vec::new() };
        let life_s = user.expires_at_s.saturating_sub(clock::now_s()).min(MAX_SESSION_S);
        let ends = Instant::now() + Duration::from_secs(life_s);
        let origin = Origin::User(user.id.clone(), user.tier);
        let relay = RelayCalls::new(&self.door.relay, self.client, origin);
        self.session = Some(Authenticated { user, ends, relay });
        Ok(ended)
    }

    fn session(&mut self) -> Result<&mut Authenticated, RpcError> {
        self.session.as_mut().ok_or_else(|| {
            RpcError::new(Code::Unauthorized, "token", "authenticate first: {\"method\":\"authenticate\"}")
        })
    }

    fn subscribe(&mut self, params: &Value, open: usize) -> Result<Step, RpcError> {
        let most = self.door.shared.services.config.max_subscriptions;
        let indexer = self.door.indexer.clone();
        let session = self.session()?;
        let channels = Channels::parse(params)?;
        require(&session.user, Scope::CreditsRead)?;
        if open >= most {
            let reason = format!("{open} subscriptions are open; the most is {most}");
            return Err(RpcError::new(Code::ServerError, "channels", reason));
        }
        let filter = Filter {
            user_id: session.user.id.clone(),
            addresses: session.user.wallets.clone(),
            channels: channels.known.iter().copied().collect(),
        };
        let pushed: Channelled = Arc::new(Mutex::new(filter.channels.clone()));
        let start = channels.cursor.clone().map_or(Start::Now, Start::After);
        let subscription = indexer.subscribe(filter, start).map_err(|e| match e {
            IndexerError::Cursor { .. } => RpcError::invalid("cursor", e.to_string()),
            other => failed(&other),
        })?;
        // A channel that was subscribed before moves over: it is never pushed twice.
        let ended = self.close(&channels.known);
        self.subscribed += 1;
        let key = format!("channels:{}", self.subscribed);
        self.open.push((key.clone(), pushed.clone()));
        let mut result = channels.result("subscribed");
        // Whoever loses the connection before the first push resumes from here.
        result["cursor"] = json!(subscription.cursor());
        let started = vec![(key, pushes(subscription, pushed))];
        Ok(Step::Streams { result, started, ended })
    }

    fn unsubscribe(&mut self, params: &Value) -> Result<Step, RpcError> {
        self.session()?;
        let channels = Channels::parse(params)?;
        let ended = self.close(&channels.known);
        Ok(Step::Streams { result: channels.result("unsubscribed"), started: Vec::new(), ended })
    }

    /// The balances that pushes of `wallet.balance` go on from, of all wallets of the user.
    fn balances(&mut self) -> Result<Step, RpcError> {
        let indexer = self.door.indexer.clone();
        let session = self.session()?;
        require(&session.user, Scope::CreditsRead)?;
        let wallets = session.user.wallets.clone();
        let read = move || {
            let head = indexer.head().map(|h| h.number);
            let balances: Result<Vec<_>, IndexerError> = wallets
                .into_iter()
                .map(|wallet| {
                    let amount = indexer.balance_of(wallet)?;
                    let (balance, wei) = (amount.to_string(), amount.0.to_string());
                    Ok(json!({"address": wallet.to_checksum(None), "balance": balance, "balanceWei": wei}))
                })
                .collect();
            balances.map(|balances| json!({"blockNumber": head, "balances": balances}))
        };
        // The store is read from the disk, perhaps: not on a thread that serves sockets.
        let answer = tokio::task::spawn_blocking(read).map(|joined| match joined {
            Ok(answer) => answer.map_err(|e| failed(&e)),
            Err(_) => Err(RpcError::internal()),
        });
        Ok(Step::Later(answer.boxed()))
    }

    /// Takes the channels out of the streams that push them; gives the keys of streams that have none left.
    fn close(&mut self, channels: &[Channel]) -> Vec<String> {
        let mut ended = Vec::new();
        self.open.retain(|(key, pushed)| {
            let mut pushed = pushed.lock().unwrap_or_else(PoisonError::into_inner);
            pushed.retain(|c| !channels.contains(c));
            if pushed.is_empty() {
                ended.push(key.clone());
            }
            !pushed.is_empty()
        });
        ended
    }
}

impl Methods for CarbonStream {
    fn call(&mut self, method: &str, params: Value, open: usize) -> Step {
        let outcome = match method {
            "authenticate" => match params.get("token").and_then(Value::as_str) {
                None => Err(RpcError::invalid("token", "must be a string")),
                Some(token) => match self.authenticate(token) {
                    Ok(ended) => {
                        let result = json!({"authenticated": true});
                        Ok(Step::Streams { result, started: Vec::new(), ended })
                    }
                    Err(error) => return Step::Fatal(error, Close::AUTHENTICATION),
                },
            },
            "subscribe" => self.subscribe(&params, open),
            "unsubscribe" => self.unsubscribe(&params),
            "wallet.balances" => self.balances(),
            method::SUBMIT | method::SUBMIT_BATCH => self.session().and_then(|session| {
                require(&session.user, Scope::CreditsWrite)?;
                Ok(session.relay.call(method, params, open))
            }),
            method::STATUS | method::SUBSCRIBE | method::INFO => {
                self.session().map(|session| session.relay.call(method, params, open))
            }
            other => Err(unknown_method(other)),
        };
        outcome.unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn deadline(&self) -> Option<(Instant, Close)> {
        Some(match &self.session {
            None => (self.authenticate_by, Close::policy("not authenticated in time")),
            Some(session) => (session.ends, Close::AUTHENTICATION),
        })
    }

    fn takes_large(&self, method: &str) -> bool {
        method == method::SUBMIT_BATCH
    }

    fn opening_refusal(&mut self) -> Option<(RpcError, Close)> {
        let token = self.bearer.take()?;
        self.authenticate(&token).err().map(|error| (error, Close::AUTHENTICATION))
    }
}

fn require(user: &User, scope: Scope) -> Result<(), RpcError> {
    if user.may(scope) {
        return Ok(());
    }
    Err(RpcError::new(Code::Forbidden, "scope", format!("the token lacks the scope {}", scope.name())))
}

fn pushes(subscription: Subscription, channels: Channelled) -> Pushes {
    unfold(Some((subscription, channels)), |open| async move {
        let (mut subscription, channels) = open?;
        loop {
            match subscription.next().await {
                Ok(push) => {
                    let wanted =
                        channels.lock().unwrap_or_else(PoisonError::into_inner).contains(&push.channel());
                    if wanted {
                        return Some((Ok(push.text()), Some((subscription, channels))));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a subscription failed");
                    return Some((Err(Close::SERVER_ERROR), None));
                }
            }
        }
    })
    .boxed()
}

fn failed(error: &IndexerError) -> RpcError {
    tracing::error!(%error, "the indexer failed a subscriber");
    RpcError::internal()
}
