//! The only way in which something is waited for that does not announce itself.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::error::BenchError;

/// Between two looks. What is measured by looking is off by at most this much.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// What `condition` yields once it yields something; its error at once.
pub(crate) async fn until<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>, BenchError>,
) -> Result<T, BenchError> {
    let deadline = Instant::now() + timeout;
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(timed_out(what, timeout));
        }
    }
}

/// What `future` yields, unless it takes too long.
pub(crate) async fn within<T>(
    what: &str,
    timeout: Duration,
    future: impl Future<Output = Result<T, BenchError>>,
) -> Result<T, BenchError> {
    tokio::time::timeout(timeout, future).await.map_err(|_| timed_out(what, timeout))?
}

fn timed_out(what: &str, after: Duration) -> BenchError {
    BenchError::TimedOut { what: what.to_owned(), after }
}
