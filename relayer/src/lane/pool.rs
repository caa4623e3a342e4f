//! What a refusal of the pool means, as a pure function of its text: there are no codes for these.

/// Why a transaction was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The pool has it.
    Known,
    /// The chain is beyond its nonce.
    NoncePassed,
    /// The lane cannot pay for it.
    Funds,
    /// No price gets it into a block: its gas limit or its size.
    Unfit,
    /// Underpriced, or something that time or a higher price may cure.
    Price,
}

/// Texts of geth, reth, nethermind, besu, erigon and anvil, in lower case.
const TEXTS: [(Refusal, &[&str]); 4] = [
    (Refusal::Known, &["already known", "already imported", "known transaction", "alreadyknown"]),
    (Refusal::NoncePassed, &["nonce too low", "nonce is too low"]),
    (Refusal::Funds, &["insufficient funds", "insufficient balance", "upfront cost exceeds"]),
    (
        Refusal::Unfit,
        &[
            "gas limit",
            "gaslimit",
            "intrinsic gas",
            "floor data gas",
            "gas floor",
            "oversized",
            "exceeds max size",
        ],
    ),
];

/// Reads the text of a refusal.
pub(crate) fn read(text: &str) -> Refusal {
    let text = text.to_lowercase();
    let says = |(_, words): &&(Refusal, &[&str])| words.iter().any(|w| text.contains(w));
    TEXTS.iter().find(says).map_or(Refusal::Price, |(refusal, _)| *refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_endpoints() {
        for (text, expected) in [
            ("already known", Refusal::Known),
            ("nonce too low: next nonce 5, tx nonce 4", Refusal::NoncePassed),
            ("insufficient funds for gas * price + value: balance 0", Refusal::Funds),
            ("Insufficient funds for gas * price + value", Refusal::Funds),
            ("exceeds block gas limit", Refusal::Unfit),
            ("transaction gas limit too high (cap: 16777216, tx: 20000000)", Refusal::Unfit),
            ("intrinsic gas too low", Refusal::Unfit),
            ("intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", Refusal::Unfit),
            ("oversized data: transaction size 140000, limit 131072", Refusal::Unfit),
            ("transaction underpriced", Refusal::Price),
            ("replacement transaction underpriced", Refusal::Price),
            ("max fee per gas less than block base fee", Refusal::Price),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
