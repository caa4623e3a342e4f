//! The CREATE2 plan: which address a contract gets on every chain (EIP-1014), and the call that puts it there.

use alloy::primitives::{Address, B256, Bytes, address, keccak256};

use crate::{
    battery_passport, carbon_credit, consent_anchor, credit_exchange, fleet_registry, relay_batcher,
    test_eur, test_usd,
};

/// The standard deterministic deployment proxy, at the same address on every public network and on anvil.
pub const FACTORY: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// What constructors are told. The same settings give the same addresses on every chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// First admin of every contract that has one: explicit, never the sender, so that the addresses are the same
    /// whoever pays.
    pub admin: Address,
    /// Seconds between beginning and accepting a change of the admin.
    pub admin_delay_s: u64,
    /// Whether registries ask for a role before they register; off on development chains only.
    pub gated: bool,
    /// Whether the worthless payment tokens are deployed too.
    pub test_tokens: bool,
}

/// One contract of a deployment plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Deployment name, e.g. `CarbonCredit`.
    pub name: &'static str,
    /// Creation code as committed, without arguments.
    pub bytecode: Bytes,
    /// The constructor's arguments, ABI-encoded.
    pub arguments: Bytes,
    /// Runtime code as committed: zeros where the constructor writes immutables.
    pub runtime: Bytes,
    /// Whether its constructor asks contracts that stand before it in the plan: it cannot be simulated without them.
    pub asks_others: bool,
}

impl Plan {
    /// CREATE2's salt; `contracts/script/Deploy.s.sol` uses the same. A new version of a contract takes a new one.
    #[must_use]
    pub fn salt(&self) -> B256 {
        keccak256(format!("wia-node/{}/v1", self.name))
    }

    /// What CREATE2 runs: creation code, then the constructor's arguments.
    #[must_use]
    pub fn init_code(&self) -> Bytes {
        [self.bytecode.as_ref(), &self.arguments].concat().into()
    }

    /// Where the contract will be: keccak256(0xff ‖ factory ‖ salt ‖ keccak256(init code)), last 20 bytes.
    #[must_use]
    pub fn address(&self) -> Address {
        FACTORY.create2_from_code(self.salt(), self.init_code())
    }

    /// The calldata for [`FACTORY`]: salt, then init code.
    #[must_use]
    pub fn factory_input(&self) -> Bytes {
        [self.salt().as_slice(), &self.init_code()].concat().into()
    }

    /// Whether `code` is what this contract's constructor leaves behind: the committed runtime code, with anything in
    /// the places of its immutables.
    ///
    /// Immutables hold the contract's own address and its chain's id, so their values differ from chain to chain; they
    /// follow from the init code, which the address commits to. Everything else must be equal, byte for byte. Needs
    /// nothing of the endpoint but `eth_getCode`, unlike running the constructor in an `eth_call`, which needs state
    /// overrides to give it its address.
    #[must_use]
    pub fn is_runtime(&self, code: &[u8]) -> bool {
        const PUSH1: u8 = 0x60;
        const PUSH32: u8 = 0x7f;
        let template = self.runtime.as_ref();
        if code.len() != template.len() {
            return false;
        }
        let mut at = 0;
        while at < template.len() {
            let operand = match template[at] {
                opcode @ PUSH1..=PUSH32 => usize::from(opcode - PUSH1) + 1,
                _ => 0,
            };
            let next = (at + 1 + operand).min(template.len());
            // solc pushes an immutable as 32 bytes that are zero until the constructor writes them, and pushes a zero
            // that is meant as such in fewer.
            let immutable = operand == 32 && template[at + 1..next] == [0; 32];
            let compared = if immutable { at + 1 } else { next };
            if template[at..compared] != code[at..compared] {
                return false;
            }
            at = next;
        }
        true
    }
}

/// The contracts of this release, in the order in which they are deployed.
#[must_use]
pub fn plans(settings: &Settings) -> Vec<Plan> {
    let Settings { admin, admin_delay_s, gated, test_tokens } = *settings;
    let credit = carbon_credit::plan(admin, admin_delay_s);
    let exchange = credit_exchange::plan(credit.address(), admin, admin_delay_s);
    let mut plans = vec![
        credit,
        battery_passport::plan(admin, admin_delay_s, gated),
        fleet_registry::plan(admin, admin_delay_s, gated),
        consent_anchor::plan(),
        exchange,
    ];
    // Without the test tokens, so that the batcher is the same where they are and where they are not.
    let batcher = relay_batcher::plan(&plans);
    if test_tokens {
        plans.extend([test_usd::plan(), test_eur::plan()]);
    }
    plans.push(batcher);
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(runtime: Vec<u8>) -> Plan {
        Plan {
            name: "Any",
            bytecode: Bytes::new(),
            arguments: Bytes::new(),
            runtime: runtime.into(),
            asks_others: false,
        }
    }

    fn settings() -> Settings {
        Settings { admin: Address::repeat_byte(1), admin_delay_s: 5, gated: true, test_tokens: true }
    }

    #[test]
    fn immutables_may_differ_and_nothing_else() {
        let zeros = [0; 32];
        let template = [&[0x5f, 0x7f][..], &zeros, &[0x61, 0x7f, 0x00, 0x55]].concat();
        let plan = plan(template.clone());
        let mut filled = template.clone();
        filled[2..34].fill(0xab);
        assert!(plan.is_runtime(&template) && plan.is_runtime(&filled));
        for at in [0, 1, 34, 35, 36, 37] {
            let mut foreign = filled.clone();
            foreign[at] ^= 1;
            assert!(!plan.is_runtime(&foreign), "byte {at}");
        }
        assert!(!plan.is_runtime(&filled[..37]) && !plan.is_runtime(&[]));
    }

    #[test]
    fn an_operand_that_looks_like_an_opcode_is_an_operand() {
        // PUSH1 0x7f, then 32 STOPs: no immutable.
        let plan = plan([&[0x60, 0x7f][..], &[0; 32]].concat());
        let mut other = plan.runtime.to_vec();
        other[10] = 1;
        assert!(!plan.is_runtime(&other));
    }

    #[test]
    fn every_artifact_is_in_the_plan() {
        let mut planned: Vec<_> = plans(&settings()).iter().map(|p| p.name.to_owned()).collect();
        planned.sort();
        let committed: Vec<_> = crate::artifacts::all().into_iter().map(|a| a.name).collect();
        assert_eq!(planned, committed);
    }

    #[test]
    fn names_salts_and_addresses_are_all_different() {
        let plans = plans(&settings());
        let count = |values: Vec<String>| values.into_iter().collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(count(plans.iter().map(|p| p.name.to_owned()).collect()), plans.len());
        assert_eq!(count(plans.iter().map(|p| p.salt().to_string()).collect()), plans.len());
        assert_eq!(count(plans.iter().map(|p| p.address().to_string()).collect()), plans.len());
    }
}
