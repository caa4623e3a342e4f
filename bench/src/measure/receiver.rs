//! Where webhooks arrive: an HTTP server that answers 200 and checks that every event comes once and in order.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Notify;

use crate::error::BenchError;
use crate::indexer::Kind;
use crate::server::Server;
use crate::wait::within;

/// A running receiver; it ends when dropped.
pub(crate) struct Receiver {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    expected: Vec<String>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    posts: usize,
    events: usize,
    /// When the last expected event had come.
    complete: Option<Instant>,
    wrong: Option<String>,
}

/// As much of a message as is checked here.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow)]
    id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    events: Vec<Item<'a>>,
}

impl Receiver {
    /// Listens on a free port for the events with these ids.
    pub(crate) async fn start(expected: Vec<String>) -> Result<Self, BenchError> {
        let shared = Arc::new(Shared { expected, state: Mutex::default(), changed: Notify::new() });
        let taking = shared.clone();
        let server = Server::start(move |body| {
            taking.take(body);
            String::new()
        });
        Ok(Self { server: server.await?, shared })
    }

    /// Where to post to.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Waits until all events have come; when the last had.
    pub(crate) async fn complete(&self, timeout: Duration) -> Result<Instant, BenchError> {
        within("all webhooks to come", timeout, async {
            loop {
                let changed = self.shared.changed.notified();
                if let Some(at) = self.shared.checked(|state| state.complete)? {
                    return Ok(at);
                }
                changed.await;
            }
        })
        .await
    }

    /// Posts that have come, when nothing was wrong with any.
    pub(crate) fn posts(&self) -> Result<usize, BenchError> {
        self.shared.checked(|state| state.posts)
    }
}

impl Shared {
    fn checked<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, BenchError> {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &state.wrong {
            Some(wrong) => Err(BenchError::Wrong(format!("webhook: {wrong}"))),
            None => Ok(read(&state)),
        }
    }

    /// One body.
    fn take(&self, body: &[u8]) {
        let items = items(body);
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.posts += 1;
        let outcome = items.and_then(|items| items.iter().try_for_each(|item| self.judge(&mut state, item)));
        if let Err(wrong) = outcome {
            state.wrong.get_or_insert(wrong);
        }
        if state.events == self.expected.len() && state.complete.is_none() {
            state.complete = Some(Instant::now());
        }
        if state.complete.is_some() || state.wrong.is_some() {
            self.changed.notify_waiters();
        }
    }

    fn judge(&self, state: &mut State, item: &Item<'_>) -> Result<(), String> {
        match item.kind {
            Kind::Finalized => return Ok(()),
            Kind::Retracted => return Err(format!("{} was retracted, and nothing was reorganised", item.id)),
            Kind::Event => {}
        }
        let wanted = self.expected.get(state.events).map_or("nothing more", String::as_str);
        if wanted != item.id {
            return Err(format!("event {} is {} instead of {wanted}", state.events, item.id));
        }
        state.events += 1;
        Ok(())
    }
}

/// The messages of a body: a list, or an object with the list under `events`.
fn items(body: &[u8]) -> Result<Vec<Item<'_>>, String> {
    let list = body.first() == Some(&b'[');
    let parsed = if list {
        serde_json::from_slice(body)
    } else {
        serde_json::from_slice::<Envelope<'_>>(body).map(|envelope| envelope.events)
    };
    parsed.map_err(|e| format!("a body that cannot be read: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(ids: &[&str]) -> Shared {
        let expected = ids.iter().map(|id| (*id).to_owned()).collect();
        Shared { expected, state: Mutex::default(), changed: Notify::new() }
    }

    fn body(ids: &[&str]) -> Vec<u8> {
        let items: Vec<_> = ids.iter().map(|id| serde_json::json!({"type": "event", "id": id})).collect();
        serde_json::json!({"events": items}).to_string().into_bytes()
    }

    #[test]
    fn events_in_order_complete_it() {
        let shared = shared(&["a", "b", "c"]);
        shared.take(&body(&["a", "b"]));
        assert!(shared.checked(|s| s.complete).unwrap().is_none());
        shared.take(br#"[{"type":"event","id":"c","logIndex":1},{"type":"finalized","id":"a"}]"#);
        assert!(shared.checked(|s| s.complete).unwrap().is_some());
        assert_eq!(shared.checked(|s| (s.posts, s.events)).unwrap(), (2, 3));
    }

    #[test]
    fn doubled_missing_late_and_unreadable_events_are_wrong() {
        let doubled = [body(&["a"]), body(&["a"])];
        let missing = [body(&["a"]), body(&["c"])];
        let beyond = [body(&["a", "b", "c"]), body(&["a"])];
        let retracted = [body(&["a"]), br#"[{"type":"retracted","id":"a"}]"#.to_vec()];
        let unreadable = [body(&["a"]), b"{}".to_vec()];
        for bodies in [doubled, missing, beyond, retracted, unreadable] {
            let shared = shared(&["a", "b", "c"]);
            bodies.iter().for_each(|body| shared.take(body));
            assert!(shared.checked(|_| ()).is_err(), "{}", String::from_utf8_lossy(&bodies[1]));
        }
    }
}
