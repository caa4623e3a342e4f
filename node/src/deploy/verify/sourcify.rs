//! Sourcify's API v2 (docs.sourcify.dev): a job is handed in for a chain and an address, and asked about by its id.

use alloy::transports::http::reqwest::{Client, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use super::{Sources, Subject, Verdict};

pub(super) fn submission(
    client: &Client,
    url: &str,
    chain_id: u64,
    subject: &Subject,
    sources: &Sources,
) -> RequestBuilder {
    let body = json!({
        "stdJsonInput": sources.input,
        "compilerVersion": sources.compiler_version,
        "contractIdentifier": sources.contract_identifier,
    });
    let url = format!("{}/v2/verify/{chain_id}/{}", url.trim_end_matches('/'), subject.address);
    client.post(url).header(header::CONTENT_TYPE, "application/json").body(body.to_string())
}

pub(super) fn question(client: &Client, url: &str, ticket: &str) -> RequestBuilder {
    client.get(format!("{}/v2/verify/{ticket}", url.trim_end_matches('/')))
}

/// 202 with the job's id, or an error with a code; 409 says that there is nothing to do.
pub(super) fn submitted(status: StatusCode, answer: &Value) -> (Verdict, Option<String>) {
    match answer["verificationId"].as_str() {
        Some(ticket) if status.is_success() => (Verdict::Pending, Some(ticket.to_owned())),
        _ if answer["customCode"] == "already_verified" => (Verdict::Already, None),
        // The same sources are being compiled for somebody else.
        _ if answer["customCode"] == "duplicate_verification_request" => (Verdict::Pending, None),
        _ => (Verdict::Refused(reason(answer)), None),
    }
}

/// A finished job holds either a match or an error. Without metadata in the bytecode the best match is "match".
pub(super) fn verdict(answer: &Value) -> Verdict {
    if answer["error"].is_object() {
        return match answer["error"]["customCode"].as_str() {
            Some("already_verified") => Verdict::Already,
            _ => Verdict::Refused(reason(&answer["error"])),
        };
    }
    match (answer["isJobCompleted"].as_bool(), answer["contract"]["match"].as_str()) {
        (Some(false), _) => Verdict::Pending,
        (Some(true), Some("match" | "exact_match")) => Verdict::Verified,
        _ => Verdict::Refused(format!("it answers {answer}")),
    }
}

fn reason(error: &Value) -> String {
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    match (text("customCode"), text("message")) {
        (code, message) if code.is_empty() && message.is_empty() => format!("it answers {error}"),
        (code, message) => format!("{code}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_verdicts() {
        let ok = StatusCode::ACCEPTED;
        assert_eq!(submitted(ok, &json!({"verificationId": "a-b"})), (Verdict::Pending, Some("a-b".into())));
        let known = json!({"customCode": "already_verified", "message": "…"});
        assert_eq!(submitted(StatusCode::CONFLICT, &known).0, Verdict::Already);
        let bad = json!({"customCode": "invalid_parameter", "message": "no such chain"});
        let refused = Verdict::Refused("invalid_parameter: no such chain".into());
        assert_eq!(submitted(StatusCode::BAD_REQUEST, &bad).0, refused);
        assert_eq!(verdict(&json!({"isJobCompleted": false, "contract": {"match": null}})), Verdict::Pending);
        let done = json!({"isJobCompleted": true, "contract": {"match": "match"}});
        assert_eq!(verdict(&done), Verdict::Verified);
        let failed = json!({"isJobCompleted": true, "contract": {"match": null}, "error": bad});
        assert_eq!(verdict(&failed), refused);
    }
}
