//! Whether a message's validity window is one that this relayer takes, as a pure function of the moment.

use alloy::primitives::U256;
use wia_protocol::{RpcError, Timestamp};

use crate::Config;

/// Checks `validAfter` and `validBefore` (Unix seconds) at `now_s`.
///
/// A message that begins later than [`Config::max_start_delay_s`] from now is refused, because the queue is no
/// calendar; one that begins within that time waits.
///
/// # Errors
/// -32602 naming the member and the moment that would do.
pub(crate) fn check(
    valid_after: U256,
    valid_before: U256,
    now_s: u64,
    config: &Config,
) -> Result<(), RpcError> {
    let refuse = |field: &str, reason: String| Err(RpcError::invalid(field, reason));
    if valid_before <= valid_after {
        let reason = "must be later than validAfter: no moment lies between them; sign a window of time";
        return refuse("validBefore", reason.into());
    }
    let now = moment(now_s);
    if valid_before <= U256::from(now_s) {
        return refuse("validBefore", format!("has passed (it is {now}); sign a new message"));
    }
    let earliest = now_s.saturating_add(config.min_remaining_validity_s);
    if valid_before < U256::from(earliest) {
        let seconds = config.min_remaining_validity_s;
        return refuse(
            "validBefore",
            format!("is less than {seconds} seconds away; sign one that is valid longer"),
        );
    }
    let latest = now_s.saturating_add(config.max_validity_s);
    if valid_before > U256::from(latest) {
        let seconds = config.max_validity_s;
        return refuse(
            "validBefore",
            format!("is further away than {seconds} seconds; sign one before {}", moment(latest)),
        );
    }
    let start = now_s.saturating_add(config.max_start_delay_s);
    if valid_after > U256::from(start) {
        let seconds = config.max_start_delay_s;
        return refuse(
            "validAfter",
            format!("lies ahead by more than {seconds} seconds (it is {now}); submit it when it is near"),
        );
    }
    Ok(())
}

fn moment(unix_s: u64) -> String {
    format!("{unix_s}, {}", Timestamp::from_secs(unix_s))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use wia_abi::Deployment;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn field(valid_after: U256, valid_before: U256) -> Option<String> {
        let config = Config::new(Deployment { chain_id: 1, contracts: BTreeMap::new() });
        let error = check(valid_after, valid_before, NOW, &config).err()?;
        Some(error.data.unwrap()["field"].as_str().unwrap().to_owned())
    }

    #[test]
    fn each_bound_names_its_member() {
        let at = |offset: i64| U256::from(NOW.saturating_add_signed(offset));
        for (valid_after, valid_before, expected) in [
            (U256::ZERO, at(3_600), None),
            (at(0), at(10), None),
            (at(60), at(3_600), None),
            (U256::ZERO, at(604_800), None),
            (at(61), at(3_600), Some("validAfter")),
            (at(100), at(100), Some("validBefore")),
            (at(101), at(100), Some("validBefore")),
            (U256::ZERO, at(0), Some("validBefore")),
            (U256::ZERO, at(-1), Some("validBefore")),
            (U256::ZERO, at(9), Some("validBefore")),
            (U256::ZERO, at(604_801), Some("validBefore")),
            (U256::ZERO, U256::MAX, Some("validBefore")),
            (U256::MAX, U256::MAX, Some("validBefore")),
        ] {
            assert_eq!(field(valid_after, valid_before).as_deref(), expected, "{valid_after} {valid_before}");
        }
    }
}
