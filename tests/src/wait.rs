//! The only way in which a case waits for something that does not announce itself.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

const POLL: Duration = Duration::from_millis(25);

/// What `condition` yields once it yields something.
///
/// # Panics
/// Naming `what` it waited for, when `timeout` has passed.
pub async fn wait_until<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + timeout;
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up after {timeout:?} waiting for {what}");
    }
}
