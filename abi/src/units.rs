//! On-chain units: types that carry what a bare integer would hide.

use std::fmt;
use std::str::FromStr;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

/// Decimals of the WCCM token (X-19: 18, one credit = 1 t CO2e).
pub const DECIMALS: u32 = 18;

/// Wei of one whole credit, 10^18.
pub const WEI_PER_CREDIT: u64 = 1_000_000_000_000_000_000;

/// The height of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlockNumber(pub u64);

impl BlockNumber {
    /// How deep a block is buried under `head`, itself included; zero when `head` is below it.
    #[must_use]
    pub fn confirmations_at(self, head: BlockNumber) -> Confirmations {
        Confirmations((head.0 + 1).saturating_sub(self.0))
    }
}

impl fmt::Display for BlockNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A depth: 1 when the block is the head itself (C-097: 12 is final as a notification level).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confirmations(pub u64);

/// An amount of WCCM in wei (10^-18 credits). Prints and parses as an exact decimal number of credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CreditAmount(pub U256);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one decimal point.
    #[error("`{0}` is not a decimal number")]
    NotDecimal(String),
    /// Finer than one wei.
    #[error("`{0}` has more than 18 decimals")]
    TooFine(String),
    /// Does not fit 256 bits.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

impl fmt::Display for CreditAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.0.div_rem(U256::from(WEI_PER_CREDIT));
        if fraction.is_zero() {
            return write!(f, "{whole}");
        }
        let fraction = format!("{fraction:0>18}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl FromStr for CreditAmount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let pointless = text.contains('.') && fraction.is_empty();
        if whole.is_empty() || pointless || !digits(whole) || !digits(fraction) {
            return Err(AmountError::NotDecimal(text.to_owned()));
        }
        if fraction.len() > DECIMALS as usize {
            return Err(AmountError::TooFine(text.to_owned()));
        }
        U256::from_str(&format!("{whole}{fraction:0<18}"))
            .map(CreditAmount)
            .map_err(|_| AmountError::TooLarge(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_print_exactly() {
        for (text, wei) in [
            ("0", "0"),
            ("1", "1000000000000000000"),
            ("1.5", "1500000000000000000"),
            ("0.001", "1000000000000000"),
            ("0.000000000000000001", "1"),
        ] {
            let amount = CreditAmount(wei.parse().unwrap());
            assert_eq!(amount.to_string(), text);
            assert_eq!(text.parse::<CreditAmount>().unwrap(), amount);
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused_with_its_text() {
        for text in ["", ".", "1.", ".5", "-1", "1e3", "0x10", "1,5", " 1", "1.0000000000000000001"] {
            assert!(text.parse::<CreditAmount>().unwrap_err().to_string().contains(text), "{text}");
        }
        assert!("9".repeat(80).parse::<CreditAmount>().is_err());
    }

    #[test]
    fn the_head_has_one_confirmation() {
        assert_eq!(BlockNumber(7).confirmations_at(BlockNumber(7)), Confirmations(1));
        assert_eq!(BlockNumber(7).confirmations_at(BlockNumber(18)), Confirmations(12));
        assert_eq!(BlockNumber(7).confirmations_at(BlockNumber(3)), Confirmations(0));
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(limbs in any::<[u64; 4]>()) {
            let amount = CreditAmount(U256::from_limbs(limbs));
            prop_assert_eq!(amount.to_string().parse::<CreditAmount>().unwrap(), amount);
        }
    }
}
