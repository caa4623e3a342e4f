//! Events of `CreditExchange` as trades (C-061) and as what makers take back.

use alloy::primitives::U256;
use alloy::sol_types::SolEventInterface;
use wia_abi::CreditExchange::{CreditExchangeErrors, CreditExchangeEvents as Events};
use wia_protocol::carbon::credit::Credits;
use wia_protocol::carbon::event::{Data, Event};
use wia_protocol::carbon::exchange::ExchangeEvent;

use super::At;

/// Wei of one lot, 0.001 t.
const WEI_PER_LOT: u64 = 1_000_000_000_000_000;

/// The event's message.
pub(super) fn event(at: &At<'_>) -> Option<Event> {
    let event = Events::decode_raw_log(&at.record.topics, &at.record.data).ok()?;
    let told = at.tell(Data::Exchange(exchange(event)?))?;
    Some(Event::new(at.timestamp(), told))
}

fn exchange(event: Events) -> Option<ExchangeEvent> {
    Some(match event {
        Events::Trade(e) => ExchangeEvent::Executed {
            maker: e.maker,
            taker: e.taker,
            maker_order: e.makerOrder,
            taker_order: e.takerOrder,
            // C-086.
            taker_side: match e.takerSide {
                0 => "buy",
                1 => "sell",
                _ => return None,
            },
            amount: credits(e.lots),
            lots: e.lots.to_string(),
            payment_token: e.paymentToken,
            price_per_lot_units: e.price.to_string(),
            // 64 and 128 bits: the product is far from 256.
            paid_units: (U256::from(e.lots) * U256::from(e.price)).to_string(),
            maker_fee_units: e.makerFee.to_string(),
            taker_fee_units: e.takerFee.to_string(),
        },
        Events::MatchSkipped(e) => ExchangeEvent::Skipped {
            match_index: e.index.to_string(),
            maker_order: e.makerOrder,
            taker_order: e.takerOrder,
            reason: e.reason,
            reason_name: CreditExchangeErrors::name_by_selector(e.reason.0),
        },
        Events::OrderCancelled(e) => {
            let filled = credits(e.filledLots);
            ExchangeEvent::Cancelled {
                maker: e.maker,
                salt: e.salt.to_string(),
                filled_amount: filled.amount,
                filled_amount_wei: filled.amount_wei,
                filled_lots: e.filledLots.to_string(),
            }
        }
        Events::CounterIncreased(e) => {
            ExchangeEvent::CounterIncreased { maker: e.maker, counter: e.counter.to_string() }
        }
        _ => return None,
    })
}

fn credits(lots: u64) -> Credits {
    Credits::of(U256::from(lots) * U256::from(WEI_PER_LOT))
}
