//! What happens between orders on chain: trades as `market.trades` + `executed` (C-061 names the channel and no
//! payload), what makers take back as `order` + `cancelled` or `counter_increased`.
//!
//! Credits are told as in [`super::credit`]. Payments are whole numbers of the payment token's smallest unit, as decimal
//! text: how many decimals that token has, the event does not say, so C-046's `price` and `totalPrice`, which are money,
//! stay with the market that knows it, and so do its `orderId` and `userId`. Its `totalPrice = amount × price` (C-051)
//! is here `paidUnits = lots × pricePerLotUnits`, exactly.

use alloy::primitives::{Address, B256, FixedBytes};
use serde::Serialize;

use super::credit::Credits;
use crate::JsonDecimal;

/// An event of the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum ExchangeEvent {
    /// `market.trades` + `executed`: two orders traded.
    Executed {
        /// Whose the earlier order is.
        #[serde(with = "wia_abi::eip55")]
        maker: Address,
        /// Whose the later order is.
        #[serde(with = "wia_abi::eip55")]
        taker: Address,
        /// EIP-712 digest of the earlier order.
        maker_order: B256,
        /// EIP-712 digest of the later order.
        taker_order: B256,
        /// `buy` or `sell`: what the taker did; the maker did the opposite.
        taker_side: &'static str,
        /// How many credits.
        #[serde(flatten)]
        amount: Credits,
        /// The same in lots of 0.001 t, decimal text.
        lots: String,
        /// What credits are paid with.
        #[serde(with = "wia_abi::eip55")]
        payment_token: Address,
        /// Units of the payment token per lot: the maker's price.
        price_per_lot_units: String,
        /// Lots × price.
        paid_units: String,
        /// The maker's fee: on top of it for who bought, out of it for who sold.
        maker_fee_units: String,
        /// The taker's fee.
        taker_fee_units: String,
    },
    /// `market.trades` + `skipped`: a match of a batch had no effect (X-52: what was matched is not settled).
    Skipped {
        /// Its place in the batch, decimal text.
        match_index: String,
        /// EIP-712 digest of the earlier order.
        maker_order: B256,
        /// EIP-712 digest of the later order.
        taker_order: B256,
        /// First four bytes of what it reverted with.
        reason: FixedBytes<4>,
        /// The exchange's error of that selector; absent when it is none of the exchange's.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason_name: Option<&'static str>,
    },
    /// `order` + `cancelled`: no order of this maker with this salt trades any more.
    Cancelled {
        /// Whose order.
        #[serde(with = "wia_abi::eip55")]
        maker: Address,
        /// What names it among the maker's, decimal text.
        salt: String,
        /// How many credits had traded before.
        filled_amount: JsonDecimal,
        /// The same in wei, decimal text.
        filled_amount_wei: String,
        /// The same in lots, decimal text.
        filled_lots: String,
    },
    /// `order` + `counter_increased`: of this maker only orders with this counter trade now.
    CounterIncreased {
        /// Whose orders.
        #[serde(with = "wia_abi::eip55")]
        maker: Address,
        /// The counter, decimal text.
        counter: String,
    },
}

impl ExchangeEvent {
    /// The envelope's `type` and `event`.
    #[must_use]
    pub fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Executed { .. } => ("market.trades", "executed"),
            Self::Skipped { .. } => ("market.trades", "skipped"),
            Self::Cancelled { .. } => ("order", "cancelled"),
            Self::CounterIncreased { .. } => ("order", "counter_increased"),
        }
    }
}
