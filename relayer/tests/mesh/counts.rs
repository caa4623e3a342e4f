//! A metrics recorder that a test can wait on. It counts for its own thread only, and each test runs on one.

use std::collections::HashMap;
use std::sync::Arc;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder, SharedString,
    Unit,
};
use tokio::sync::watch;

use crate::support::within;

#[derive(Clone)]
pub(crate) struct Counts(Arc<watch::Sender<HashMap<String, u64>>>);

impl Counts {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(HashMap::new())))
    }

    /// Counts until the guard is dropped.
    pub(crate) fn install(&self) -> LocalRecorderGuard<'_> {
        metrics::set_default_local_recorder(self)
    }

    /// Waits until the counter `name{outcome}` has reached `n`.
    pub(crate) async fn until(&self, name: &str, outcome: &str, n: u64) {
        let key = format!("{name} {outcome}");
        let mut counts = self.0.subscribe();
        within(counts.wait_for(|c| c.get(&key).is_some_and(|count| *count >= n))).await.unwrap();
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let outcome = key.labels().map(|l| l.value()).collect::<String>();
        Counter::from_arc(Arc::new(Count { counts: self.clone(), key: format!("{} {outcome}", key.name()) }))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

struct Count {
    counts: Counts,
    key: String,
}

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.counts.0.send_modify(|counts| *counts.entry(self.key.clone()).or_default() += value);
    }

    fn absolute(&self, value: u64) {
        self.counts.0.send_modify(|counts| {
            counts.insert(self.key.clone(), value);
        });
    }
}
