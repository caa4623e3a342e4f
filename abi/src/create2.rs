//! The CREATE2 plan: which address a contract gets on every chain (EIP-1014), and the call that puts it there.

use alloy::primitives::{Address, B256, Bytes, address};

/// The standard deterministic deployment proxy, at the same address on every public network and on anvil.
pub const FACTORY: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// One contract of a deployment plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Deployment name, e.g. `CarbonCredit`.
    pub name: &'static str,
    /// CREATE2 salt.
    pub salt: B256,
    /// Creation code with constructor arguments.
    pub init_code: Bytes,
}

impl Plan {
    /// Where the contract will be: keccak256(0xff ‖ factory ‖ salt ‖ keccak256(init code)), last 20 bytes.
    #[must_use]
    pub fn address(&self) -> Address {
        FACTORY.create2_from_code(self.salt, &self.init_code)
    }

    /// The calldata for [`FACTORY`]: salt, then init code.
    #[must_use]
    pub fn factory_input(&self) -> Bytes {
        [self.salt.as_slice(), &self.init_code].concat().into()
    }
}

/// The contracts of this release, in the order in which they are deployed. `admin` is explicit, never the
/// sender, so that the addresses are the same whoever pays; `admin_delay_s` in seconds.
#[must_use]
pub fn plans(admin: Address, admin_delay_s: u64) -> Vec<Plan> {
    use crate::carbon_credit;
    vec![Plan {
        name: carbon_credit::NAME,
        salt: carbon_credit::salt(),
        init_code: carbon_credit::init_code(admin, admin_delay_s),
    }]
}
