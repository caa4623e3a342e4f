//! Etherscan's API v2 (docs.etherscan.io, `verifysourcecode` and `checkverifystatus`): one endpoint, the chain in the
//! query, the rest as a form.

use alloy::transports::http::reqwest::{Client, RequestBuilder, Url, header};
use serde_json::Value;

use super::{Sources, Subject, Verdict, failed};
use crate::deploy::DeployError;

/// MIT, in Etherscan's list of licences.
const LICENCE: &str = "3";

pub(super) fn submission(
    client: &Client,
    url: &str,
    key: &str,
    chain_id: u64,
    subject: &Subject,
    sources: &Sources,
) -> Result<RequestBuilder, DeployError> {
    let endpoint = with_query(url, &[("chainid", &chain_id.to_string())])?;
    let arguments = alloy::primitives::hex::encode(&subject.arguments);
    let form = [
        ("module", "contract"),
        ("action", "verifysourcecode"),
        ("apikey", key),
        ("contractaddress", &subject.address.to_string()),
        ("sourceCode", &sources.input.to_string()),
        ("codeformat", "solidity-standard-json-input"),
        ("contractname", &sources.contract_identifier),
        ("compilerversion", &format!("v{}", sources.compiler_version)),
        // Today's documentation spells it right, what the service and its imitations have read for years does not.
        ("constructorArguments", &arguments),
        ("constructorArguements", &arguments),
        ("licenseType", LICENCE),
    ];
    // The encoding of a query is that of a form.
    let form = with_query("http://form/", &form)?.query().unwrap_or_default().to_owned();
    Ok(client.post(endpoint).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form))
}

pub(super) fn question(
    client: &Client,
    url: &str,
    key: &str,
    chain_id: u64,
    ticket: &str,
) -> Result<RequestBuilder, DeployError> {
    let query = [
        ("chainid", chain_id.to_string()),
        ("module", "contract".into()),
        ("action", "checkverifystatus".into()),
        ("guid", ticket.to_owned()),
        ("apikey", key.to_owned()),
    ];
    let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(client.get(with_query(url, &query)?))
}

fn with_query(url: &str, pairs: &[(&str, &str)]) -> Result<Url, DeployError> {
    let mut url: Url = url.parse().map_err(|e| failed(url, format!("is no URL: {e}")))?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(url)
}

/// `{"status":"1","result":"<guid>"}`, or status 0 with the reason as the result.
pub(super) fn submitted(answer: &Value) -> (Verdict, Option<String>) {
    let result = answer["result"].as_str().unwrap_or_default();
    if answer["status"] == "1" {
        return (Verdict::Pending, Some(result.to_owned()));
    }
    // "Unable to locate ContractCode at 0x…": the explorer is a few blocks behind.
    if result.contains("Unable to locate") {
        return (Verdict::Pending, None);
    }
    (verdict(answer), None)
}

/// The result of a question, in words.
pub(super) fn verdict(answer: &Value) -> Verdict {
    let result = answer["result"].as_str().unwrap_or_default();
    let lower = result.to_lowercase();
    if lower.contains("already verified") {
        Verdict::Already
    } else if lower.contains("pending") || lower.contains("in progress") {
        Verdict::Pending
    } else if lower.starts_with("pass") {
        Verdict::Verified
    } else if result.is_empty() {
        Verdict::Refused(format!("it answers {answer}"))
    } else {
        Verdict::Refused(result.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_become_verdicts() {
        let says = |status: &str, result: &str| json!({"status": status, "message": "OK", "result": result});
        let ticket = submitted(&says("1", "guid"));
        assert_eq!(ticket, (Verdict::Pending, Some("guid".into())));
        assert_eq!(submitted(&says("0", "Unable to locate ContractCode at 0x1")), (Verdict::Pending, None));
        assert_eq!(submitted(&says("0", "Contract source code already verified")).0, Verdict::Already);
        assert_eq!(verdict(&says("0", "Pending in queue")), Verdict::Pending);
        assert_eq!(verdict(&says("1", "Pass - Verified")), Verdict::Verified);
        let refused = verdict(&says("0", "Fail - Unable to verify"));
        assert_eq!(refused, Verdict::Refused("Fail - Unable to verify".into()));
        assert!(matches!(verdict(&json!({})), Verdict::Refused(_)));
    }
}
