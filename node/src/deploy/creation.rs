//! In which block a contract came to be: an indexer starts there, so it must not be later, and should not be earlier.

use alloy::primitives::Address;

use super::DeployError;
use super::chain::Chain;

/// `known` when the chain does not say otherwise, else what [`block_of`] finds. A file of an earlier run may speak of
/// a development chain that is gone.
pub(crate) async fn confirmed_block_of(
    chain: &Chain,
    address: Address,
    known: u64,
) -> Result<Option<u64>, DeployError> {
    let with = chain.had_code(address, known).await?;
    let before = match known.checked_sub(1) {
        Some(before) => chain.had_code(address, before).await?,
        None => Some(false),
    };
    match (before, with) {
        (Some(true), _) | (_, Some(false)) => block_of(chain, address).await,
        _ => Ok(Some(known)),
    }
}

/// The first block after which `address` has code, by bisection; it must have code now. `None` when the endpoint does
/// not keep the states that it takes to know.
pub(crate) async fn block_of(chain: &Chain, address: Address) -> Result<Option<u64>, DeployError> {
    // After `without` there was none, after `with` there was.
    let (mut without, mut with) = (0, chain.head().await?);
    match chain.had_code(address, without).await? {
        None => return Ok(None),
        Some(true) => return Ok(Some(without)),
        Some(false) => {}
    }
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        match chain.had_code(address, middle).await? {
            None => return Ok(None),
            Some(true) => with = middle,
            Some(false) => without = middle,
        }
    }
    Ok(Some(with))
}
