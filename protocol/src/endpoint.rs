//! What endpoints say of themselves, as it may be shown and used: URLs, errors, `Retry-After`.

/// Scheme, host and port: keys of RPC providers stand in user, path and query.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// The cause at the bottom of an error: "connection refused" says more than "error sending request for url (…)", and
/// never holds a URL with a key in it.
#[must_use]
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// The seconds of a `Retry-After`, at most an hour (RFC 9110 §10.2.3); `None` for a date, which is not worth a parser.
#[must_use]
pub fn retry_after_s(header: &str) -> Option<u64> {
    header.trim().parse::<u64>().ok().map(|seconds| seconds.min(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_urls_are_not_shown() {
        for (url, shown) in [
            ("https://user:pass@rpc.example.org:8545/v2/KEY?x=KEY", "https://rpc.example.org:8545"),
            ("ws://127.0.0.1:1", "ws://127.0.0.1:1"),
            ("wss://[::1]:9/KEY", "wss://[::1]:9"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn retry_after_is_seconds_and_bounded() {
        let read = ["2", " 99999 ", "Wed, 21 Oct 2026 07:28:00 GMT", "-1"].map(retry_after_s);
        assert_eq!(read, [Some(2), Some(3_600), None, None]);
    }

    #[test]
    fn the_innermost_cause_speaks() {
        #[derive(Debug, thiserror::Error)]
        #[error("outside")]
        struct Outside(#[source] std::io::Error);
        assert_eq!(innermost(&Outside(std::io::Error::other("inside"))), "inside");
    }
}
