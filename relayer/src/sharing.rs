//! Several relayers on one mesh: what this one tells the others, and what it makes of what they tell.
//!
//! In: submissions that came in by our own doors, batches that were signed, claims of others. Out: what the mesh
//! gossips ([`Outgoing`]), and whether a message is ours to take ([`turns`]). A sign of life goes out every third of
//! [`Sharing::alive_ms`] while this relayer can work: one whose endpoint is away, or whose lanes cannot pay, keeps
//! silent, so that the others take over. Serves the relay section of the architecture.

mod outbox;
mod turns;

use std::sync::Mutex;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use wia_protocol::relay::{Claim, Submission};

use crate::health::LaneView;
use crate::shared::{Shared, lock, now};
use crate::{Origin, RelayerError};
use outbox::Outbox;
pub use outbox::Outgoing;
use turns::{Brought, Heard, RELAYERS_MAX, Rules, Turns};

/// Who shares the work, and by which rules. The relayers of one mesh must agree on all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sharing {
    /// The addresses that sign the receipts of the relayers that share the work, at most 64; whether our own is among
    /// them does not matter. Without others, this relayer is alone: it takes everything at once and tells nobody.
    pub relayers: Vec<Address>,
    /// How long a relayer has for a message before it is the next one's turn, in blocks: 3.
    pub takeover_after_blocks: u64,
    /// How long a relayer counts as alive after it was last heard, in milliseconds: 10,000. The clocks of the relayers
    /// must not be further apart.
    pub alive_ms: u64,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { relayers: Vec::new(), takeover_after_blocks: 3, alive_ms: 10_000 }
    }
}

impl Sharing {
    /// # Errors
    /// [`RelayerError::Setting`] naming the first value that cannot work.
    pub(crate) fn check(&self) -> Result<(), RelayerError> {
        let refuse = |field, reason: String| Err(RelayerError::Setting { field, reason });
        if self.relayers.len() > RELAYERS_MAX {
            return refuse("relayers", format!("has more than {RELAYERS_MAX} addresses"));
        }
        if self.relayers.contains(&Address::ZERO) {
            return refuse("relayers", "has the zero address, which signs nothing".into());
        }
        if self.takeover_after_blocks == 0 {
            return refuse("takeover_after_blocks", "must be above 0".into());
        }
        // Thrice in that time a sign of life has to arrive.
        if self.alive_ms < 300 {
            return refuse("alive_ms", "must be 300 or more".into());
        }
        Ok(())
    }
}

/// How a relayer stands to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimNews {
    /// It says something new: pass it on.
    Heard,
    /// It says nothing here: known, too old, or of one that we do not share with.
    Nothing,
    /// It names a relayer that did not sign it.
    Forged,
}

/// What this relayer keeps of the others; nothing while it is alone.
pub(crate) struct Others(Option<Company>);

struct Company {
    relayers: Vec<Address>,
    turns: Mutex<Turns>,
    outbox: Outbox,
    sign_every: Duration,
    sign_at: Mutex<Instant>,
    silent: Mutex<Vec<Address>>,
}

impl Others {
    pub(crate) fn new(sharing: &Sharing, own: Address) -> Self {
        let others: Vec<Address> = sharing.relayers.iter().copied().filter(|a| *a != own).collect();
        if others.is_empty() {
            return Self(None);
        }
        let Sharing { takeover_after_blocks, alive_ms, .. } = *sharing;
        Self(Some(Company {
            turns: Mutex::new(Turns::new(Rules { takeover_after_blocks, alive_ms }, own, &others, now())),
            relayers: others,
            outbox: Outbox::default(),
            sign_every: Duration::from_millis(alive_ms / 3),
            sign_at: Mutex::new(Instant::now()),
            silent: Mutex::default(),
        }))
    }

    /// Whether there are others.
    pub(crate) fn share(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a submission from there is for the others to know. What came by gossip, they have.
    pub(crate) fn want(&self, origin: &Origin) -> bool {
        self.share() && !matches!(origin, Origin::Gossip(_))
    }

    /// Tells the others of a message that was accepted here.
    pub(crate) fn tell(&self, submission: Submission) {
        if let Some(company) = &self.0 {
            company.outbox.push(Outgoing::Submission(Box::new(submission)));
        }
    }

    /// Whether it is our turn to put this message into a transaction.
    pub(crate) fn may_take(&self, relay_id: B256, promised_by: u64, head: u64) -> bool {
        let Some(company) = &self.0 else { return true };
        lock(&company.turns).may_take(relay_id, promised_by, head, now())
    }
}

impl Shared {
    /// Claims messages that are in a signed transaction of ours.
    pub(crate) fn claim(&self, relay_ids: &[B256], head: u64) {
        let Some(company) = &self.others.0 else { return };
        let until = lock(&company.turns).take(relay_ids, head, now());
        for some in relay_ids.chunks(Claim::MAX_IDS) {
            company.outbox.push(Outgoing::Claim(self.promises.claim(now(), until, some.to_vec())));
        }
        *lock(&company.sign_at) = Instant::now() + company.sign_every;
    }

    /// Takes in what another relayer claims.
    pub(crate) async fn heard(&self, claim: &Claim) -> ClaimNews {
        let Some(company) = &self.others.0 else { return ClaimNews::Nothing };
        // Before the signature is looked at: whoever is not listed costs nothing.
        if !company.relayers.contains(&claim.relayer) {
            return ClaimNews::Nothing;
        }
        let Some(head) = self.head() else { return ClaimNews::Nothing };
        match self.verifiers.recover(self.promises.claim_digest(claim), claim.signature.clone()).await {
            Ok(signer) if signer == Some(claim.relayer) => {}
            Ok(_) => return ClaimNews::Forged,
            Err(_) => return ClaimNews::Nothing,
        }
        let heard = Heard {
            relayer: claim.relayer,
            issued_at: claim.issued_at,
            until_block: claim.until_block,
            relay_ids: &claim.relay_ids,
        };
        match lock(&company.turns).heard(heard, head.number, now()) {
            Brought::News => ClaimNews::Heard,
            Brought::Nothing => ClaimNews::Nothing,
        }
    }

    /// The next thing that the others should know. Dropping it while it waits loses nothing. Waits for ever while this
    /// relayer is alone.
    pub(crate) async fn outgoing(&self) -> Outgoing {
        let Some(company) = &self.others.0 else { return std::future::pending().await };
        loop {
            let sign_at = *lock(&company.sign_at);
            tokio::select! {
                // First, or a full outbox would keep us silent.
                biased;
                () = tokio::time::sleep_until(sign_at) => {}
                outgoing = company.outbox.next() => return outgoing,
            }
            *lock(&company.sign_at) = Instant::now() + company.sign_every;
            company.report();
            if let Some(claim) = self.sign_of_life() {
                return Outgoing::Claim(claim);
            }
        }
    }

    /// None while this relayer cannot work. What ails single messages does not count: it may ail them everywhere, and
    /// relayers that all keep silent would all take everything.
    fn sign_of_life(&self) -> Option<Claim> {
        let pays = self.lanes().iter().any(LaneView::can_pay);
        let works = pays && !self.is_away() && !self.is_stopped() && self.queue.full().is_none();
        let head = self.head().filter(|_| works);
        head.map(|head| self.promises.claim(now(), head.number, Vec::new()))
    }
}

impl Company {
    /// Says which relayers fell silent, and which are back.
    fn report(&self) {
        let silent = lock(&self.turns).silent(now());
        let alive = self.relayers.len() - silent.len();
        metrics::gauge!("wia_relayer_others_alive").set(u32::try_from(alive).unwrap_or(u32::MAX));
        let before = std::mem::replace(&mut *lock(&self.silent), silent.clone());
        for relayer in silent.iter().filter(|r| !before.contains(r)) {
            tracing::warn!(%relayer, "a relayer is silent; its turns pass to the next");
        }
        for relayer in before.iter().filter(|r| !silent.contains(r)) {
            tracing::info!(%relayer, "a relayer is heard again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tier;

    #[test]
    fn a_setting_that_cannot_work_is_named() {
        Sharing::default().check().unwrap();
        let base = Sharing::default;
        for (field, sharing) in [
            ("relayers", Sharing { relayers: vec![Address::ZERO], ..base() }),
            ("relayers", Sharing { relayers: vec![Address::repeat_byte(1); 65], ..base() }),
            ("takeover_after_blocks", Sharing { takeover_after_blocks: 0, ..base() }),
            ("alive_ms", Sharing { alive_ms: 299, ..base() }),
        ] {
            let error = sharing.check().unwrap_err();
            assert!(matches!(error, RelayerError::Setting { field: f, .. } if f == field), "{error}");
        }
    }

    #[test]
    fn without_others_there_is_nobody_to_tell_and_nothing_to_wait_for() {
        let own = Address::repeat_byte(1);
        let alone = Others::new(&Sharing { relayers: vec![own], ..Sharing::default() }, own);
        assert!(!alone.share() && !alone.want(&Origin::User("a".into(), Tier::Free)));
        assert!(alone.may_take(B256::ZERO, u64::MAX, 0));
        let shares = Sharing { relayers: vec![own, Address::repeat_byte(2)], ..Sharing::default() };
        let two = Others::new(&shares, own);
        assert!(two.want(&Origin::User("a".into(), Tier::Free)) && two.want(&Origin::Peer("p".into())));
        assert!(!two.want(&Origin::Gossip("p".into())));
    }
}
