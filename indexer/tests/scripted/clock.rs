//! Clocks that lie. The engine measures time on the monotonic clock alone and reads no other, so what is left is what
//! blocks say of their time: years ahead, years back, nothing at all. It is passed on, and nothing rests on it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use wia_indexer::{Health, Message, State};
use wia_protocol::Timestamp;

use crate::chain::{Chain, quantity};
use crate::config;
use crate::endpoint::Endpoint;
use crate::random::Random;
use crate::running::{Reader, Running};

/// Seconds since 1970: now, the beginning, the year 3015, a second, the last that there is, 2100.
const JUMPS: [u64; 6] = [1_700_000_000, 0, 33_000_000_000, 1, u64::MAX, 4_102_444_800];

#[tokio::test]
async fn blocks_whose_time_jumps_by_years_both_ways_are_blocks_like_others() {
    for pushes in [false, true] {
        let (mut random, mut jumps) = (Random::new(3), JUMPS.into_iter().cycle());
        let chain = Arc::new(Mutex::new(Chain::new()));
        let mut grow = |chain: &Mutex<Chain>| {
            chain.lock().unwrap().grow_at(&mut random, jumps.next().expect("it is a cycle"))
        };
        (0..20).for_each(|_| _ = grow(&chain));
        let endpoint = Endpoint::serve(chain.clone(), pushes).await;
        let (running, mut reader) = (Running::start(config(vec![endpoint.urls()])), Reader::new(1, false));
        reader.open(&running.indexer);
        for step in 0..20 {
            let reorganised = step % 5 == 4;
            if reorganised {
                let mut chain = chain.lock().unwrap();
                let keep = chain.canonical.len() - 3;
                chain.canonical.truncate(keep);
            }
            let heads: Vec<_> = (0..if reorganised { 4 } else { 1 }).map(|_| grow(&chain)).collect();
            let head = heads.last().expect("it grew").clone();
            endpoint.push(heads);
            running.reaches(head.hash).await;
            let is_live = |health: Health| health.state == State::Live && health.lag_blocks == 0;
            running.until("it is live", |i| is_live(i.health())).await;
            let said = quantity(&head.header["timestamp"]).expect("a block has a time");
            assert_eq!(running.indexer.head().map(|h| h.timestamp), Some(Timestamp::from_secs(said)));
            reader.hear().await;
            assert_eq!(reader.standing, chain.lock().unwrap().event_ids());
        }
        let year = |message: &Message| {
            let json: Value = serde_json::from_str(&message.json()).unwrap();
            json["timestamp"].as_str().unwrap()[..4].to_owned()
        };
        let years: BTreeSet<_> = reader.told.iter().map(year).collect();
        assert!(years.iter().eq(["1970", "2023", "2100", "3015", "9999"]), "{years:?}");
        running.stop().await;
    }
}
