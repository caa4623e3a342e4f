//! What a transaction offers for its gas, as pure functions: EIP-1559 with caps, legacy where there is no base fee.
//!
//! In: the head's base fee, the endpoint's advice, the caps. Out: fees, or the reason to wait.

use crate::queue::record::Fees;

/// The operator's caps, in wei per gas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) max_fee: u128,
    pub(crate) priority: u128,
}

/// The chain asks more than the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chain asks {asked} wei per gas, the cap is {cap}: messages wait")]
pub(crate) struct TooExpensive {
    pub(crate) asked: u128,
    pub(crate) cap: u128,
}

/// Fees for a new transaction. With a base fee: twice that and the advised priority fee, so that it holds for
/// six full blocks in a row. Without: the advised price.
pub(crate) fn offer(base_fee: Option<u128>, advice: u128, caps: Caps) -> Result<Fees, TooExpensive> {
    let Some(base_fee) = base_fee else {
        return if advice > caps.max_fee {
            Err(TooExpensive { asked: advice, cap: caps.max_fee })
        } else {
            Ok(Fees { max_fee: advice, priority: None })
        };
    };
    if base_fee >= caps.max_fee {
        return Err(TooExpensive { asked: base_fee, cap: caps.max_fee });
    }
    let priority = advice.min(caps.priority).min(caps.max_fee - base_fee);
    let max_fee = base_fee.saturating_mul(2).saturating_add(priority).min(caps.max_fee);
    Ok(Fees { max_fee, priority: Some(priority) })
}

/// Fees for a replacement: a tenth more than before, as pools demand of both figures, and at least what a new
/// transaction would offer. `None` when the caps do not allow a tenth.
pub(crate) fn raise(before: Fees, fresh: Option<Fees>, caps: Caps) -> Option<Fees> {
    let tenth_more = |fee: u128| fee.saturating_add(fee.div_ceil(10)).max(1);
    let least = Fees { max_fee: tenth_more(before.max_fee), priority: before.priority.map(tenth_more) };
    // The cap on the priority fee bounds what is offered unasked; a replacement must go beyond it.
    if least.max_fee > caps.max_fee {
        return None;
    }
    let max_fee = least.max_fee.max(fresh.map_or(0, |f| f.max_fee)).min(caps.max_fee);
    let priority = least.priority.map(|p| p.max(fresh.and_then(|f| f.priority).unwrap_or(0)).min(max_fee));
    Some(Fees { max_fee, priority })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAPS: Caps = Caps { max_fee: 1_000, priority: 50 };

    #[test]
    fn twice_the_base_fee_and_the_advice() {
        assert_eq!(offer(Some(100), 7, CAPS), Ok(Fees { max_fee: 207, priority: Some(7) }));
        assert_eq!(offer(Some(100), 900, CAPS), Ok(Fees { max_fee: 250, priority: Some(50) }));
        assert_eq!(offer(Some(990), 900, CAPS), Ok(Fees { max_fee: 1_000, priority: Some(10) }));
    }

    #[test]
    fn beyond_the_cap_messages_wait() {
        assert_eq!(offer(Some(1_000), 1, CAPS), Err(TooExpensive { asked: 1_000, cap: 1_000 }));
        assert_eq!(offer(None, 1_001, CAPS), Err(TooExpensive { asked: 1_001, cap: 1_000 }));
    }

    #[test]
    fn a_chain_without_base_fee_gets_a_legacy_price() {
        assert_eq!(offer(None, 9, CAPS), Ok(Fees { max_fee: 9, priority: None }));
    }

    #[test]
    fn a_replacement_that_the_cap_forbids_is_not_made() {
        assert_eq!(raise(Fees { max_fee: 950, priority: Some(1) }, None, CAPS), None);
    }

    proptest! {
        #[test]
        fn a_replacement_is_a_tenth_dearer_in_both(max_fee in 0_u128..2_000, priority in 0_u128..60, base in 0_u128..2_000) {
            let before = Fees { max_fee, priority: Some(priority.min(max_fee)) };
            if let Some(after) = raise(before, offer(Some(base), 5, CAPS).ok(), CAPS) {
                prop_assert!(after.max_fee * 10 >= before.max_fee * 11);
                prop_assert!(after.priority.unwrap() * 10 >= before.priority.unwrap() * 11);
                prop_assert!(after.max_fee <= CAPS.max_fee);
                prop_assert!(after.priority.unwrap() <= after.max_fee);
            }
        }
    }
}
