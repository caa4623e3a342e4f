//! A disk that fills up under a running indexer, and has room again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use wia_indexer::{EventsFrom, Indexer, Message, State};

use crate::chain::Chain;
use crate::config;
use crate::endpoint::Endpoint;
use crate::full_disk::{VARIABLE, limit, run_again};
use crate::random::Random;
use crate::running::{Reader, Running};

/// What is left of the disk, in bytes.
const ROOM: u64 = 3_000;

#[test]
fn a_full_disk_is_said_and_waited_for_and_nothing_is_lost() {
    run_again("disk::fills_the_disk");
}

/// The files of the log.
fn log_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let logs = files.into_iter().filter(|path| path.extension().is_some_and(|e| e == "log"));
    logs.chain(folders.iter().flat_map(|folder| log_files(folder))).collect()
}

/// Leaves so many bytes to the log's last file.
fn fill_up(folder: &Path) {
    let size = log_files(folder).iter().map(|path| path.metadata().unwrap().len()).max();
    limit(Some(size.expect("there is a log") + ROOM));
}

/// That the disk is full, in the indexer's words.
fn complaint(indexer: &Indexer) -> Option<String> {
    match indexer.health().state {
        State::Stalled { reason } => Some(reason).filter(|reason| reason.contains("the disk is full")),
        _ => None,
    }
}

/// Does nothing unless the environment asks for it.
#[tokio::test]
async fn fills_the_disk() {
    if std::env::var_os(VARIABLE).is_none() {
        return;
    }
    let (chain, mut random) = (Arc::new(Mutex::new(Chain::new())), Random::new(7));
    (0..10).for_each(|_| _ = chain.lock().unwrap().grow(&mut random));
    let endpoint = Endpoint::serve(chain.clone(), true).await;
    let (mut running, mut reader) = (Running::start(config(vec![endpoint.urls()])), Reader::new(1, false));
    for life in 0..2 {
        reader.open(&running.indexer);
        let head = chain.lock().unwrap().head().hash;
        running.reaches(head).await;
        fill_up(running.folder());
        let complaint = loop {
            let head = chain.lock().unwrap().grow(&mut random);
            endpoint.push([head.clone()]);
            let has_it = |i: &Indexer| i.head().is_some_and(|h| h.hash == head.hash);
            running.until("it goes on or complains", |i| has_it(i) || complaint(i).is_some()).await;
            if let Some(complaint) = complaint(&running.indexer) {
                break complaint;
            }
        };
        assert!(complaint.contains(running.folder().to_str().unwrap()), "{complaint}");
        assert!(complaint.contains("free some space"), "{complaint}");
        // Meanwhile the chain goes on, and changes its mind.
        let heads: Vec<_> = {
            let mut chain = chain.lock().unwrap();
            (0..2).for_each(|_| _ = chain.grow(&mut random));
            let keep = chain.canonical.len() - 4;
            chain.canonical.truncate(keep);
            (0..6).map(|_| chain.grow(&mut random)).collect()
        };
        endpoint.push(heads);
        // What was told is what is there, no more and no less.
        let head = running.indexer.head().expect("it had one");
        let at_head = chain.lock().unwrap().all[&head.hash].clone();
        for ((_, account), balance) in &at_head.balances {
            assert_eq!(running.indexer.balance_of(*account).unwrap().0, *balance);
        }
        if life == 0 {
            limit(None);
        } else {
            // Or it is ended first, and the disk has room when it comes back.
            reader.close();
            let folder = running.stop().await;
            limit(None);
            running = Running::resume(folder, config(vec![endpoint.urls()]));
            reader.open(&running.indexer);
        }
        let head = chain.lock().unwrap().head().hash;
        running.reaches(head).await;
        running.until("it is live again", |i| i.health().state == State::Live).await;
        reader.hear().await;
        assert_eq!(reader.standing, chain.lock().unwrap().event_ids());
        for ((_, account), balance) in chain.lock().unwrap().balances() {
            assert_eq!(running.indexer.balance_of(*account).unwrap().0, *balance);
        }
        let told: Vec<_> = reader.told.iter().map(Message::json).collect();
        assert_eq!(reader.another(&running.indexer, &EventsFrom::Oldest).await, told);
    }
    running.stop().await;
    println!("it went on");
}
