//! Events of `CarbonCredit` as events of type `credit` (C-093, and X-12's envelope for what the documents do not name).

use alloy::primitives::{FixedBytes, U256};
use alloy::sol_types::SolEventInterface;
use wia_abi::CarbonCredit::CarbonCreditEvents as Events;
use wia_protocol::Timestamp;
use wia_protocol::carbon::credit::{CreditEvent, Credits, Serials};
use wia_protocol::carbon::event::{Data, Event};

use super::{At, ascii};

/// Wei of one serial, 0.001 t.
const WEI_PER_SERIAL: u64 = 1_000_000_000_000_000;

/// The event's message.
pub(super) fn event(at: &At<'_>) -> Option<Event> {
    let event = Events::decode_raw_log(&at.record.topics, &at.record.data).ok()?;
    let told = at.tell(Data::Credit(credit(event)?))?;
    Some(Event::new(at.timestamp(), told))
}

fn credit(event: Events) -> Option<CreditEvent> {
    Some(match event {
        Events::CreditMinted(e) => CreditEvent::Minted {
            recipient: e.recipient,
            amount: Credits::of(e.amount),
            credit_id: e.creditId,
        },
        Events::CreditIssued(e) => CreditEvent::Issued {
            credit_id_hash: e.creditIdHash,
            issuer: e.issuer,
            series: e.series,
            amount: issued(e.firstSerial, e.lastSerial)?,
            serials: Serials::new(e.firstSerial, e.lastSerial),
        },
        Events::CreditDescribed(e) => CreditEvent::Described {
            credit_id: e.terms.creditId,
            project: e.terms.project,
            methodology: e.terms.methodology,
            data_hash: e.terms.dataHash,
            registry_series: e.terms.registrySeries,
            vintage: e.terms.vintage,
            serials: Serials::new(e.terms.firstSerial, e.terms.lastSerial),
        },
        Events::CreditRetired(e) => {
            let what = e.retirement;
            let moment = |seconds| (seconds != 0).then(|| Timestamp::from_secs(seconds));
            CreditEvent::Retired {
                holder: e.holder,
                credit_id: what.creditId,
                amount: Credits::of(what.amount),
                beneficiary: what.beneficiary,
                purpose: what.purpose,
                country: country(what.country),
                period_start: moment(what.periodStart),
                period_end: moment(what.periodEnd),
                retired_at: Timestamp::from_secs(e.retiredAt),
                serials: taken(e.firstSerial, what.amount)?,
            }
        }
        Events::CreditCancelled(e) => CreditEvent::Cancelled {
            credit_id_hash: e.creditIdHash,
            canceller: e.canceller,
            amount: Credits::of(e.amount),
            reason: e.reason,
            serials: taken(e.firstSerial, e.amount)?,
        },
        Events::CreditBuffered(e) => CreditEvent::Buffered {
            credit_id_hash: e.creditIdHash,
            contributor: e.contributor,
            amount: Credits::of(e.amount),
            serials: taken(e.firstSerial, e.amount)?,
        },
        Events::ReversalRecorded(e) => CreditEvent::ReversalRecorded {
            credit_id_hash: e.creditIdHash,
            amount: Credits::of(e.amount),
            reason: e.reason,
        },
        _ => return None,
    })
}

/// What a range of serials is worth; `None` when it ends before it begins.
fn issued(first: u64, last: u64) -> Option<Credits> {
    let serials = U256::from(last.checked_sub(first)?) + U256::from(1);
    Some(Credits::of(serials * U256::from(WEI_PER_SERIAL)))
}

/// The serials from `first` on that an amount is; `None` when it is not at least one whole one.
fn taken(first: u64, wei: U256) -> Option<Serials> {
    let (serials, rest) = wei.div_rem(U256::from(WEI_PER_SERIAL));
    let more = u64::try_from(serials).ok()?.checked_sub(1)?;
    rest.is_zero().then_some(Serials::new(first, first.checked_add(more)?))
}

/// A country's two letters; the bytes as hex when they are no letters; `None` for zero: not stated.
fn country(code: FixedBytes<2>) -> Option<String> {
    (!code.is_zero()).then(|| ascii(code.as_slice()).unwrap_or_else(|| code.to_string()))
}
