//! Whether a relayer kept a receipt: a pure function over what the chain shows.
//!
//! In: [`Facts`]. Out: a [`Verdict`]. A receipt promises execution, or an on-chain skip of this digest, by block
//! `includeByBlock`; by whom does not matter. What excuses its relayer is a signed refusal that anyone can check, and a
//! signer that spent the nonce on something else.

use std::fmt;

use alloy::primitives::B256;

/// What the chain shows of one message.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// `includeByBlock` of the receipt.
    pub(super) promised_by: u64,
    /// Height of the newest block.
    pub(super) head: u64,
    /// Blocks that a block must have on it, itself included, to count.
    pub(super) depth: u64,
    /// What happened to the message or its nonce, up to the head, oldest first.
    pub(super) outcomes: Vec<Outcome>,
    /// What becomes of the refusal, if there is one.
    pub(super) refusal: Option<Refused>,
}

/// Something that happened on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) block: u64,
    pub(super) transaction: B256,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The message was executed.
    Executed,
    /// A batch passed over it, for this reason.
    Skipped(String),
    /// Another message of the signer, or its cancellation, used up the nonce.
    NonceSpent,
}

/// What a signed refusal is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// At that block's state the message fails, as it says.
    Fails { block: u64, reason: String },
    /// At that block's state it would have been executed.
    Works { block: u64 },
    /// It names a block after the one that was promised.
    TooLate { block: u64 },
    /// The endpoint has no state of that block any more.
    StateGone { block: u64, why: String },
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Kept(Outcome),
    Excused(Excuse),
    NotYetDue(String),
    CannotTell(String),
    Broken(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Excuse {
    Refusal { block: u64, reason: String },
    NonceSpent(Outcome),
}

impl Verdict {
    /// One word for programs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Verdict::Kept(_) => "kept",
            Verdict::Excused(_) => "excused",
            Verdict::NotYetDue(_) => "notYetDue",
            Verdict::CannotTell(_) => "cannotTell",
            Verdict::Broken(_) => "broken",
        }
    }

    /// The exit code: 0 when nothing is wrong, 3 when the promise was broken, 4 when nothing can be said yet.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Verdict::Kept(_) | Verdict::Excused(_) => 0,
            Verdict::Broken(_) => 3,
            Verdict::NotYetDue(_) | Verdict::CannotTell(_) => 4,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Kept(Outcome { block, transaction, what }) => match what {
                What::Skipped(reason) => {
                    write!(f, "kept: skipped on chain ({reason}) in block {block}, {transaction}")
                }
                _ => write!(f, "kept: executed in block {block}, {transaction}"),
            },
            Verdict::Excused(Excuse::Refusal { block, reason }) => {
                write!(f, "excused: refused with a signature, and at block {block} it fails: {reason}")
            }
            Verdict::Excused(Excuse::NonceSpent(Outcome { block, transaction, .. })) => {
                write!(f, "excused: its signer spent the nonce otherwise in block {block}, {transaction}")
            }
            Verdict::NotYetDue(why) => write!(f, "not yet due: {why}"),
            Verdict::CannotTell(why) => write!(f, "cannot tell: {why}"),
            Verdict::Broken(why) => write!(f, "broken: {why}"),
        }
    }
}

/// Judges.
pub(super) fn judge(facts: &Facts) -> Verdict {
    let Facts { promised_by, head, depth, outcomes, refusal } = facts;
    let deep = |block: u64| head.saturating_add(1).saturating_sub(block) >= *depth;
    let late = match outcomes.first() {
        Some(outcome) if outcome.block <= *promised_by => {
            return in_time(outcome, deep(outcome.block), *depth);
        }
        late => late,
    };
    match refusal {
        Some(Refused::Fails { block, reason }) => {
            return Verdict::Excused(Excuse::Refusal { block: *block, reason: reason.clone() });
        }
        Some(Refused::Works { block }) => {
            let why = format!("refused with a signature, but at block {block} it would have been executed");
            return Verdict::Broken(why);
        }
        Some(Refused::StateGone { block, why }) => {
            return Verdict::CannotTell(format!(
                "whether the refusal is true depends on the state of block {block}, which the endpoint cannot tell \
                 ({why}); ask an archive node"
            ));
        }
        Some(Refused::TooLate { .. }) | None => {}
    }
    if head < promised_by {
        return Verdict::NotYetDue(format!("block {promised_by} is promised, the chain is at {head}"));
    }
    if !deep(*promised_by) {
        let why = format!(
            "block {promised_by} is there, but has less than {depth} blocks on it (the chain is at {head}): it may \
             still be replaced"
        );
        return Verdict::NotYetDue(why);
    }
    let after = match (late, refusal) {
        (Some(Outcome { block, transaction, .. }), _) => {
            format!("; what happened came later, in block {block}, {transaction}")
        }
        (None, Some(Refused::TooLate { block })) => {
            format!("; the refusal is of block {block}, after the one that was promised")
        }
        _ => String::new(),
    };
    Verdict::Broken(format!("up to block {promised_by} it was neither executed nor skipped{after}"))
}

fn in_time(outcome: &Outcome, deep: bool, depth: u64) -> Verdict {
    if !deep {
        return Verdict::NotYetDue(format!(
            "what happened in block {} has less than {depth} blocks on it: it may still be replaced",
            outcome.block
        ));
    }
    match outcome.what {
        What::Executed | What::Skipped(_) => Verdict::Kept(outcome.clone()),
        What::NonceSpent => Verdict::Excused(Excuse::NonceSpent(outcome.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(head: u64) -> Facts {
        Facts { promised_by: 100, head, depth: 12, outcomes: Vec::new(), refusal: None }
    }

    fn outcome(block: u64, what: What) -> Outcome {
        Outcome { block, transaction: B256::repeat_byte(1), what }
    }

    fn with(head: u64, block: u64, what: What) -> Verdict {
        judge(&Facts { outcomes: vec![outcome(block, what)], ..facts(head) })
    }

    fn refused(head: u64, refusal: Refused) -> Verdict {
        judge(&Facts { refusal: Some(refusal), ..facts(head) })
    }

    #[test]
    fn executed_or_skipped_in_time_is_kept_once_deep_enough() {
        for what in [What::Executed, What::Skipped("AuthorizationExpired".into())] {
            assert_eq!(with(111, 100, what.clone()), Verdict::Kept(outcome(100, what.clone())));
            assert_eq!(with(110, 100, what.clone()).word(), "notYetDue");
            assert_eq!(with(200, 101, what).word(), "broken");
        }
    }

    #[test]
    fn nothing_in_time_is_broken_once_the_block_is_deep_enough() {
        for (head, word) in [(0, "notYetDue"), (99, "notYetDue"), (110, "notYetDue"), (111, "broken")] {
            assert_eq!(judge(&facts(head)).word(), word, "at {head}");
        }
        let late = with(200, 150, What::Executed).to_string();
        assert!(late.contains("came later, in block 150"), "{late}");
    }

    #[test]
    fn a_signer_that_spends_the_nonce_excuses() {
        assert_eq!(with(200, 100, What::NonceSpent).word(), "excused");
        assert_eq!(with(200, 101, What::NonceSpent).word(), "broken");
    }

    #[test]
    fn a_refusal_is_worth_what_the_chain_says() {
        let fails = Refused::Fails { block: 50, reason: "ERC20InsufficientBalance".into() };
        assert_eq!(refused(60, fails.clone()).word(), "excused", "whether or not it is due");
        assert_eq!(refused(200, fails).word(), "excused");
        assert_eq!(refused(60, Refused::Works { block: 50 }).word(), "broken");
        let gone = refused(200, Refused::StateGone { block: 50, why: "missing trie node".into() });
        assert!(gone.word() == "cannotTell" && gone.to_string().contains("archive node"), "{gone}");
        assert_eq!(refused(105, Refused::TooLate { block: 101 }).word(), "notYetDue");
        let late = refused(200, Refused::TooLate { block: 101 });
        assert!(late.word() == "broken" && late.to_string().contains("of block 101"), "{late}");
        let executed = Facts {
            outcomes: vec![outcome(90, What::Executed)],
            refusal: Some(Refused::Works { block: 50 }),
            ..facts(200)
        };
        assert_eq!(judge(&executed).word(), "kept", "what was promised happened, whatever was said");
    }

    #[test]
    fn exit_codes() {
        let codes = [
            (with(200, 100, What::Executed), 0),
            (with(200, 100, What::NonceSpent), 0),
            (judge(&facts(200)), 3),
            (judge(&facts(1)), 4),
        ];
        assert!(codes.iter().all(|(verdict, code)| verdict.exit_code() == *code), "{codes:?}");
    }
}
