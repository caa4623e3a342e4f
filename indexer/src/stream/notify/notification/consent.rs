//! Events of `ConsentAnchor` as `EVENT_NOTIFICATION` (E-068, E-091, E-092, X-39, X-57).

use alloy::primitives::{Address, U256};
use alloy::sol_types::SolEventInterface;
use wia_abi::ConsentAnchor::ConsentAnchorEvents as Events;
use wia_protocol::Timestamp;
use wia_protocol::consent::event::{Approver, RequestState, RevokedBy};
use wia_protocol::consent::{ConsentEvent, EventNotification};

use super::At;

/// `IConsentAnchor.ConsentLevel` in the words of S-09.
const LEVELS: [&str; 6] =
    ["none", "memorial_only", "family_interaction", "educational", "commercial_limited", "full_commercial"];

/// The expiry of a consent without end, `IConsentAnchor.ConsentTerms`.
const WITHOUT_END: u64 = (1 << 40) - 1;

/// The event's message.
pub(super) fn notification(at: &At<'_>) -> Option<EventNotification> {
    let event = Events::decode_raw_log(&at.record.topics, &at.record.data).ok()?;
    let told = at.tell(consent(event, at)?)?;
    let number = at.entry.event_offset(at.index).0;
    Some(EventNotification::new(at.timestamp(), number, at.chain_id, told))
}

fn consent(event: Events, at: &At<'_>) -> Option<ConsentEvent> {
    Some(match event {
        Events::ConsentAnchored(e) => {
            let expiry: u64 = e.expiry.to();
            ConsentEvent::Anchored {
                consent_id: e.consentKey,
                anchorer: e.anchorer,
                guardian: somebody(e.guardian),
                commitment: e.commitment,
                consent_level: LEVELS.get(usize::from(e.level)).copied()?,
                expiry_date: (expiry != WITHOUT_END).then(|| Timestamp::from_secs(expiry)),
                approvers_hash: e.approversHash,
                threshold: e.threshold,
            }
        }
        Events::ConsentRevoked(e) => {
            let effective_date = Timestamp::from_secs(e.effectiveAt.to());
            let pending = effective_date > at.timestamp();
            ConsentEvent::Revoked {
                consent_id: e.consentKey,
                revoked_by: somebody(e.revoker).map_or(RevokedBy::Approvers, RevokedBy::Account),
                effective_date,
                restrictions: if pending { &["revocation_pending"] } else { &[] },
            }
        }
        Events::ApproversChanged(e) => ConsentEvent::ApproversChanged {
            consent_id: e.consentKey,
            epoch: e.epoch,
            threshold: e.threshold,
            total_approvers: e.members.len(),
            approvers: e.members.into_iter().map(Approver).collect(),
        },
        Events::RequestChanged(e) => {
            let round = Round::of(e.round)?;
            ConsentEvent::Request {
                request_id: e.requestId,
                consent_id: e.consentKey,
                operation_hash: e.operationHash,
                state: round.state,
                threshold: round.threshold,
                total_approvers: round.member_count,
                granted: places(round.granted & !round.declined),
                denied: places(round.declined),
                deadline: Timestamp::from_secs(round.deadline_s),
            }
        }
        Events::RequestExecuted(e) => {
            ConsentEvent::Executed { request_id: e.requestId, consent_id: e.consentKey }
        }
        _ => return None,
    })
}

/// A request's word, as `IConsentAnchor.RequestChanged` lays it out.
struct Round {
    granted: u32,
    declined: u32,
    threshold: u8,
    member_count: u8,
    deadline_s: u64,
    state: RequestState,
}

impl Round {
    /// `None` for a word that no such event has: another state, or bits that have no meaning.
    fn of(word: U256) -> Option<Self> {
        let bits = |at: usize, size: usize| -> u64 { ((word >> at) & U256::from((1_u64 << size) - 1)).to() };
        let state = match u64::try_from(word >> 120_usize).ok()? {
            1 => RequestState::Open,
            2 => RequestState::Granted,
            3 => RequestState::Denied,
            _ => return None,
        };
        Some(Self {
            granted: u32::try_from(bits(0, 32)).ok()?,
            declined: u32::try_from(bits(32, 32)).ok()?,
            threshold: u8::try_from(bits(64, 8)).ok()?,
            member_count: u8::try_from(bits(72, 8)).ok()?,
            deadline_s: bits(80, 40),
            state,
        })
    }
}

/// The bits that are set, ascending.
fn places(bitmap: u32) -> Vec<u8> {
    (0..32).filter(|place| bitmap >> place & 1 == 1).collect()
}

fn somebody(account: Address) -> Option<Address> {
    (!account.is_zero()).then_some(account)
}
