//! What an endpoint means by an error. Pure.
//!
//! In: a JSON-RPC error's code and text, or an HTTP status. Out: a [`Refusal`]: whether to ask for less, to wait, or
//! never again. Codes say little (-32005 is a rate limit with one provider and too many results with the next), so the
//! text is read too; of a text that nobody knows, asking for less is tried.

/// What to make of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Asking for less may help.
    AskLess,
    /// Waiting helps.
    Wait,
    /// It has no such call.
    Unsupported,
}

/// Words of errors about too many requests, in lower case.
const WAIT: [&str; 12] = [
    "too many requests",
    "rate limit",
    "rate-limit",
    "ratelimit",
    "request limit",
    "requests per second",
    "compute units",
    "throttl",
    "quota",
    "capacity exceeded",
    "try again later",
    "slow down",
];

/// Words of errors about too large answers, in lower case.
const LESS: [&str; 8] = [
    "more than",
    "range",
    "too many results",
    "too many logs",
    "response size",
    "too large",
    "query timeout",
    "exceeds max",
];

/// What a JSON-RPC error means (EIP-1474 for the codes).
pub(super) fn of_error(code: i64, message: &str) -> Refusal {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| message.contains(w));
    let no_call = ["method not found", "not supported", "unsupported", "not available", "does not exist"];
    match code {
        -32601 | -32004 => Refusal::Unsupported,
        429 => Refusal::Wait,
        _ if says(&LESS) => Refusal::AskLess,
        _ if says(&WAIT) => Refusal::Wait,
        -32005 | -32029 | -32090 => Refusal::Wait,
        _ if message.contains("method") && says(&no_call) => Refusal::Unsupported,
        _ => Refusal::AskLess,
    }
}

/// What an HTTP status that is no success means (RFC 9110).
pub(super) fn of_status(status: u16) -> Refusal {
    match status {
        429 | 503 => Refusal::Wait,
        _ => Refusal::AskLess,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_say_is_understood() {
        for (code, message, meaning) in [
            (-32005, "query returned more than 10000 results", Refusal::AskLess),
            (
                -32602,
                "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
                Refusal::AskLess,
            ),
            (-32000, "exceed maximum block range: 5000", Refusal::AskLess),
            (-32005, "daily request count exceeded, request rate limited", Refusal::Wait),
            (-32005, "limit exceeded", Refusal::Wait),
            (429, "Your app has exceeded its compute units per second capacity", Refusal::Wait),
            (-32097, "Project has been throttled", Refusal::Wait),
            (-32601, "the method eth_getBlockReceipts does not exist/is not available", Refusal::Unsupported),
            (-32000, "method handler crashed", Refusal::AskLess),
            (-32600, "unsupported method", Refusal::Unsupported),
        ] {
            assert_eq!(of_error(code, message), meaning, "{code} {message}");
        }
    }

    #[test]
    fn statuses_are_understood() {
        assert_eq!(
            (of_status(429), of_status(413), of_status(502)),
            (Refusal::Wait, Refusal::AskLess, Refusal::AskLess)
        );
    }
}
