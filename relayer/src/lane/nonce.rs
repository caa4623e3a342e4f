//! Which nonce the next transaction gets, as a pure function of what is durable and what the chain says.

/// The smallest nonce that the chain has not used and no durable transaction has.
///
/// In the ordinary case that is one beyond the highest in flight. When the chain says less than everything on
/// record (it lost transactions for good), the gap is filled first: nothing behind a gap can be mined.
pub(crate) fn next_nonce(chain: u64, recorded: impl IntoIterator<Item = u64>) -> u64 {
    let mut next = chain;
    // Records come in ascending order.
    for nonce in recorded.into_iter().skip_while(|n| *n < chain) {
        if nonce > next {
            break;
        }
        next = nonce.saturating_add(1);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_and_the_records_decide_together() {
        for (chain, recorded, expected) in [
            (0, vec![], 0),
            (5, vec![], 5),
            (5, vec![5], 6),
            (5, vec![5, 6, 7], 8),
            // Mined ones that are still followed do not count.
            (5, vec![3, 4], 5),
            (5, vec![3, 4, 5], 6),
            // Another sender used the account: the chain wins.
            (9, vec![5, 6], 9),
            // A gap is filled before anything goes behind it.
            (5, vec![6, 7], 5),
            (5, vec![5, 7], 6),
        ] {
            assert_eq!(next_nonce(chain, recorded.clone()), expected, "{chain} {recorded:?}");
        }
    }
}
