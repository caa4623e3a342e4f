//! Networks by name, from one TOML file: the compiled-in `networks.toml`, or another with `--networks`.
//!
//! `[defaults]` fill in what a network does not say. Unknown keys are errors that name the key; `${NAME}` in a text is
//! an environment variable, looked up only for the network that is used.

use std::path::Path;

use alloy::primitives::Address;
use serde::Deserialize;
use toml::{Table, Value};
use wia_abi::create2::Settings;

use super::DeployError;

const COMPILED_IN: &str = include_str!("../../../networks.toml");

/// A chain, what to put on it, and how it is paid.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// EIP-155 id; an endpoint that reports another is refused.
    pub(crate) chain_id: u64,
    /// JSON-RPC over HTTP.
    pub(crate) rpc_url: String,
    /// For people: where contracts can be looked at.
    pub(crate) explorer: Option<String>,
    /// Where sources are published with `--verify`.
    #[serde(default)]
    pub(crate) verification: Vec<Verifier>,
    /// First admin of every contract.
    pub(crate) admin: Address,
    /// Seconds between beginning and accepting a change of the admin.
    pub(crate) admin_delay_s: u64,
    /// Registries ask for a role before they register.
    pub(crate) gated: bool,
    /// Deploy the worthless payment tokens.
    pub(crate) test_tokens: bool,
    /// Pay by gas price, as before EIP-1559.
    pub(crate) legacy: bool,
    /// Wei per gas of a legacy network; without it, what the endpoint says.
    pub(crate) gas_price_wei: Option<u64>,
    /// Blocks on top of a transaction, its own included, before it counts.
    pub(crate) confirmations: u64,
    /// Seconds that a transaction may take to be mined, and the last one to be confirmed.
    pub(crate) receipt_timeout_s: u64,
    /// Name of the native currency.
    pub(crate) currency: String,
    /// Roles to give.
    pub(crate) grants: Vec<Grant>,
    /// What issuers may issue. The admin may issue without limit.
    #[serde(default)]
    pub(crate) quotas: Vec<Quota>,
    /// Tokens that the exchange takes beside the test tokens.
    #[serde(default)]
    pub(crate) payment_tokens: Vec<Address>,
    /// Who gets the exchange's fees; the admin unless told otherwise.
    pub(crate) fee_recipient: Option<Address>,
}

/// What an issuer may issue over its life.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quota {
    /// The issuer's account; it also needs `MINTER_ROLE`.
    pub(crate) issuer: Address,
    /// In serials of 0.001 t.
    pub(crate) serials: u64,
}

/// A role that an account shall have.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    /// Deployment name.
    pub(crate) contract: String,
    /// Name of the role's constant, e.g. `MINTER_ROLE`.
    pub(crate) role: String,
    /// Who shall have it.
    pub(crate) account: Address,
}

/// A service that publishes sources.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "lowercase")]
pub(crate) enum Verifier {
    /// Etherscan's API v2, and explorers that speak it.
    Etherscan {
        /// Endpoint, e.g. `https://api.etherscan.io/v2/api`.
        url: String,
        /// Environment variable that holds the API key; without a value the service is left out.
        key_variable: String,
    },
    /// Sourcify's API v2.
    Sourcify {
        /// Server, e.g. `https://sourcify.dev/server`.
        url: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    defaults: Table,
    networks: Table,
}

impl Network {
    /// The network `name` of `file`, or of the compiled-in ones.
    pub(crate) fn load(name: &str, file: Option<&Path>) -> Result<Self, DeployError> {
        let variable = |name: &str| std::env::var(name).ok();
        match file {
            None => parse(COMPILED_IN, "networks.toml", name, variable),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(DeployError::file(path))?;
                parse(&text, &path.display().to_string(), name, variable)
            }
        }
    }

    /// What the constructors are told.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            admin: self.admin,
            admin_delay_s: self.admin_delay_s,
            gated: self.gated,
            test_tokens: self.test_tokens,
        }
    }
}

fn parse(
    text: &str,
    origin: &str,
    name: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Network, DeployError> {
    let failed = |reason: String| DeployError::Networks { origin: origin.to_owned(), reason };
    let file: File = toml::from_str(text).map_err(|e| failed(e.to_string().trim().to_owned()))?;
    let Some(own) = file.networks.get(name) else {
        let known: Vec<_> = file.networks.keys().map(String::as_str).collect();
        return Err(failed(format!("there is no network `{name}`; there are {}", known.join(", "))));
    };
    let own = own.as_table().ok_or_else(|| failed(format!("networks.{name} is no table")))?;
    let mut merged = file.defaults;
    merged.extend(own.clone());
    for (key, value) in &mut merged {
        expand(value, &variable).map_err(|unset| {
            failed(format!("networks.{name}.{key} needs the environment variable {unset}, which is not set"))
        })?;
    }
    let network: Network = Value::Table(merged)
        .try_into()
        .map_err(|e: toml::de::Error| failed(format!("networks.{name}: {}", e.to_string().trim())))?;
    for (key, value) in
        [("confirmations", network.confirmations), ("receipt_timeout_s", network.receipt_timeout_s)]
    {
        if value == 0 {
            return Err(failed(format!("networks.{name}.{key} must be above zero")));
        }
    }
    Ok(network)
}

/// Puts variables in the place of `${NAME}` in every text below `value`; the name of one that is not set is the error.
fn expand(value: &mut Value, variable: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    match value {
        Value::String(text) => {
            while let Some((before, (name, after))) =
                text.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
            {
                let found = variable(name).ok_or_else(|| name.to_owned())?;
                *text = format!("{before}{}{after}", found.replace("${", ""));
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| expand(item, variable)),
        Value::Table(table) => table.iter_mut().try_for_each(|(_, item)| expand(item, variable)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(_: &str) -> Option<String> {
        Some("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".into())
    }

    fn refused(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
        parse(text, "mine.toml", "here", variable).unwrap_err().to_string()
    }

    #[test]
    fn the_compiled_in_networks_are_whole() {
        for (name, chain_id) in [
            ("sepolia", 11_155_111),
            ("hoodi", 560_048),
            ("base-sepolia", 84_532),
            ("polygon-amoy", 80_002),
            ("anvil", 31_337),
            ("besu", 1_337),
        ] {
            let network = parse(COMPILED_IN, "networks.toml", name, everything).unwrap();
            assert_eq!(network.chain_id, chain_id, "{name}");
            assert_eq!(network.gated, name != "anvil", "{name}");
        }
        let unknown = parse(COMPILED_IN, "networks.toml", "mainnet", everything).unwrap_err().to_string();
        assert!(unknown.contains("`mainnet`") && unknown.contains("sepolia"), "{unknown}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let whole = COMPILED_IN.replace("[networks.anvil]", "[networks.here]");
        assert!(parse(&whole, "mine.toml", "here", everything).is_ok());
        let typo = whole.replace("[networks.here]", "[networks.here]\nconfirmation = 1");
        let text = refused(&typo, everything);
        assert!(text.contains("mine.toml") && text.contains("`confirmation`"), "{text}");
        let text = refused(&format!("network = 1\n{whole}"), everything);
        assert!(text.contains("`network`"), "{text}");
        let zero = whole.replace("receipt_timeout_s = 60\n", "receipt_timeout_s = 0\n");
        assert!(refused(&zero, everything).contains("receipt_timeout_s"));
        let secret = whole.replace("http://127.0.0.1:8545", "https://rpc.example/${MY_KEY}");
        let text = refused(&secret, |_| None);
        assert!(text.contains("rpc_url") && text.contains("MY_KEY"), "{text}");
    }

    #[test]
    fn variables_are_put_in_once() {
        let mut value = Value::String("a${X}b${X}".into());
        expand(&mut value, &|_| Some("${X}".into())).unwrap();
        assert_eq!(value, Value::String("aX}bX}".into()));
    }
}
