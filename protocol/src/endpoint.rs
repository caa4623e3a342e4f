//! URLs of chain endpoints, as they may be shown: in logs, errors, answers.

/// Scheme, host and port: keys of RPC providers stand in user, path and query.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
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
}
