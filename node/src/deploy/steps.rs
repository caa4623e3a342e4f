//! What is configured once the contracts stand: each step has a view that tells whether it is done and a call that
//! does it, so that configuring twice changes nothing.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall;
use wia_abi::CarbonCredit::{getRoleAdminCall, grantRoleCall, hasRoleCall, issuerOfCall, setIssuerQuotaCall};
use wia_abi::CreditExchange::{
    feeRecipientCall, isPaymentTokenCall, setFeeRecipientCall, setPaymentTokenCall,
};
use wia_abi::{carbon_credit, credit_exchange, test_eur, test_usd};

use super::DeployError;
use super::chain::Chain;
use super::network::{Grant, Network, Quota};

/// OpenZeppelin's role of the one account that gives and takes all others; its own admin.
const DEFAULT_ADMIN: B256 = B256::ZERO;

/// One step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// For people.
    pub(crate) what: String,
    /// The contract that is called.
    pub(crate) to: Address,
    /// Does it.
    pub(crate) call: Bytes,
    done: Done,
    /// The role whose admin may do it; none: anyone may.
    role: Option<B256>,
}

#[derive(Debug, Clone)]
enum Done {
    /// When this view returns another word than zero.
    View(Bytes),
    /// When what this view returns begins with that word.
    Says(Bytes, B256),
    /// When the call itself would revert: for what can be done once and has no view.
    Refused,
}

impl Step {
    /// Give `grant.account` its role.
    fn grant(grant: &Grant, to: Address) -> Self {
        let Grant { contract, role: name, account } = grant;
        let role = wia_abi::roles::id(name);
        Self {
            what: format!("grant {name} of {contract} to {account}"),
            to,
            call: grantRoleCall { role, account: *account }.abi_encode().into(),
            done: Done::View(hasRoleCall { role, account: *account }.abi_encode().into()),
            role: Some(role),
        }
    }

    /// What the default admin sets: done when `view` begins with `value`.
    fn setting(what: String, to: Address, call: &impl SolCall, view: &impl SolCall, value: B256) -> Self {
        let done = Done::Says(view.abi_encode().into(), value);
        Self { what, to, call: call.abi_encode().into(), done, role: Some(DEFAULT_ADMIN) }
    }

    /// What anyone may do, once: done when `view` says so.
    pub(crate) fn open(what: String, to: Address, call: Vec<u8>, view: Vec<u8>) -> Self {
        Self { what, to, call: call.into(), done: Done::View(view.into()), role: None }
    }

    /// What the deployer may do, once: done when it would be refused.
    pub(crate) fn once(what: String, to: Address, call: Vec<u8>) -> Self {
        Self { what, to, call: call.into(), done: Done::Refused, role: None }
    }

    /// Whether it is done. Its contract must be there.
    pub(crate) async fn is_done(&self, chain: &Chain, by: Option<Address>) -> Result<bool, DeployError> {
        match &self.done {
            Done::View(view) => chain.is_true(self.to, view.clone()).await,
            Done::Says(view, value) => {
                let answer = chain.call(None, self.to, view.clone()).await?;
                Ok(answer.is_ok_and(|words| words.starts_with(value.as_slice())))
            }
            Done::Refused => Ok(chain.call(by, self.to, self.call.clone()).await?.is_err()),
        }
    }

    /// Whether not just anyone may do it.
    pub(crate) fn needs_role(&self) -> bool {
        self.role.is_some()
    }

    /// Whether `account` may do it. Its contract must be there.
    pub(crate) async fn is_for(&self, account: Address, chain: &Chain) -> Result<bool, DeployError> {
        let Some(role) = self.role else { return Ok(true) };
        let admin = chain.call(None, self.to, getRoleAdminCall { role }.abi_encode().into()).await?;
        let Ok(admin) = admin.map(|word| B256::try_from(word.as_ref()).unwrap_or_default()) else {
            return Ok(false);
        };
        chain.is_true(self.to, hasRoleCall { role: admin, account }.abi_encode().into()).await
    }
}

/// The steps of `network`, for contracts at `addresses`.
pub(crate) fn of(
    network: &Network,
    addresses: &BTreeMap<&'static str, Address>,
) -> Result<Vec<Step>, DeployError> {
    let failed = |reason| DeployError::Networks { origin: "grants".into(), reason };
    let mut steps = Vec::new();
    for grant in &network.grants {
        let address = addresses
            .get(grant.contract.as_str())
            .ok_or_else(|| failed(format!("there is no contract `{}` on this network", grant.contract)))?;
        if !wia_abi::roles::is_known(&grant.contract, &grant.role) {
            let known = wia_abi::roles::of(&grant.contract).join(", ");
            return Err(failed(format!("{} has no role `{}`; it has {known}", grant.contract, grant.role)));
        }
        steps.push(Step::grant(grant, *address));
    }
    if let Some(credit) = addresses.get(carbon_credit::NAME) {
        steps.extend(network.quotas.iter().map(|quota| allow_to_issue(*credit, quota)));
    }
    if let Some(exchange) = addresses.get(credit_exchange::NAME) {
        let test_tokens = [test_usd::NAME, test_eur::NAME].into_iter().filter_map(|name| addresses.get(name));
        let tokens = test_tokens.chain(&network.payment_tokens);
        steps.extend(tokens.map(|token| allow_as_payment(*exchange, *token)));
        steps.extend(network.fee_recipient.map(|recipient| send_fees_to(*exchange, recipient)));
    }
    Ok(steps)
}

fn allow_to_issue(credit: Address, quota: &Quota) -> Step {
    let Quota { issuer, serials } = *quota;
    Step::setting(
        format!("let {issuer} issue {serials} serials of 0.001 t"),
        credit,
        &setIssuerQuotaCall { issuer, serials },
        &issuerOfCall { issuer },
        B256::left_padding_from(&serials.to_be_bytes()),
    )
}

fn allow_as_payment(exchange: Address, token: Address) -> Step {
    Step::setting(
        format!("take {token} as payment on the exchange"),
        exchange,
        &setPaymentTokenCall { token, allowed: true },
        &isPaymentTokenCall { token },
        B256::with_last_byte(1),
    )
}

fn send_fees_to(exchange: Address, recipient: Address) -> Step {
    Step::setting(
        format!("send the exchange's fees to {recipient}"),
        exchange,
        &setFeeRecipientCall { recipient },
        &feeRecipientCall {},
        recipient.into_word(),
    )
}
