//! In which block a contract came to be: an indexer starts there, so it must not be later, and should not be earlier.

use alloy::primitives::Address;

use super::DeployError;
use super::chain::Chain;

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
