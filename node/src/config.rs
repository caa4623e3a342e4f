//! The configuration: TOML file < environment (`WIA_SECTION__KEY`) < flags. Unknown keys are errors that
//! name the key. Times carry their unit in the name; paths are relative to the working directory.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use wia_abi::BlockNumber;
use wia_protocol::endpoint::without_secrets;
use wia_relayer::mesh;

/// Everything that a node is told. `wia node --print-config` prints it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the store and the node's keys lie.
    pub(crate) data_dir: PathBuf,
    /// The chain and what is deployed on it.
    pub(crate) chain: Chain,
    /// The relayer; only `wia indexer` does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) relayer: Option<Relayer>,
    /// Bounds of the indexer.
    #[serde(default)]
    pub(crate) indexer: wia_indexer::Config,
    /// Contracts of others that the indexer follows beside ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) follow: Vec<Follow>,
    /// Where events are posted to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) webhook: Vec<Webhook>,
    /// HTTP, WebSocket, metrics.
    #[serde(default)]
    pub(crate) http: Http,
    /// libp2p.
    #[serde(default)]
    pub(crate) p2p: P2p,
    /// MQTT. Reserved: this release has no MQTT door and opens nothing here.
    #[serde(default)]
    pub(crate) mqtt: Mqtt,
    /// Whose tokens are believed.
    #[serde(default)]
    pub(crate) identity: Identity,
}

/// `[chain]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chain {
    /// EIP-155 chain id; an endpoint that reports another is refused.
    pub(crate) id: u64,
    /// JSON-RPC over HTTP.
    pub(crate) http_url: String,
    /// JSON-RPC over WebSocket; without it, heads are polled.
    pub(crate) ws_url: Option<String>,
    /// More nodes of the same chain for the indexer, in the order of preference: it fails over to them, and what all of
    /// them say counts more than what one says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fallback: Vec<wia_indexer::Endpoint>,
    /// The deployment file, `deployments/<chainId>.json`.
    pub(crate) deployment: PathBuf,
    /// The endpoint that `relay.info` offers to wallets; none when it is private.
    pub(crate) public_rpc_url: Option<String>,
}

/// `[[follow]]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Follow {
    /// What filters and messages call it.
    pub(crate) name: String,
    /// Where it is.
    #[serde(with = "wia_abi::eip55")]
    pub(crate) address: Address,
    /// Its ABI: a JSON array, or an artifact with a member `abi`.
    pub(crate) abi: PathBuf,
    /// A block at or before the one that created it.
    pub(crate) first_block: BlockNumber,
    /// Whether its ERC-20 transfers are kept as balances. Only for tokens that move nothing without a `Transfer` (no
    /// rebasing): a balance that would go below zero stops the indexer.
    #[serde(default)]
    pub(crate) balances: bool,
}

/// `[[webhook]]`: where events are posted to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Webhook {
    /// Its place in the log is kept under this name: another name begins anew.
    pub(crate) name: String,
    /// `http://` or `https://`; redirects are not followed.
    pub(crate) url: String,
    /// A file with the secret that signs: `whsec_` and base64, or any text of at least 16 bytes.
    pub(crate) secret_file: PathBuf,
    /// Deployment names or addresses; empty: all that are followed.
    #[serde(default)]
    pub(crate) contracts: Vec<String>,
    /// Names, signatures or first topics of events; empty: all.
    #[serde(default)]
    pub(crate) events: Vec<String>,
    /// Accounts that an event must name; empty: any.
    #[serde(default)]
    pub(crate) addresses: Vec<Address>,
    /// Confirmations that an event must have, its own block included. Default 1.
    #[serde(default = "one")]
    pub(crate) min_confirmations: u64,
    /// Whether to post, too, when what was posted becomes final.
    #[serde(default)]
    pub(crate) promotions: bool,
    /// Whether a new webhook begins with the oldest event that is kept, instead of at the end of the log. In an empty
    /// data folder both are the first block.
    #[serde(default)]
    pub(crate) from_oldest: bool,
    /// How long an answer may take, milliseconds.
    #[serde(default = "Webhook::request_timeout_ms")]
    pub(crate) request_timeout_ms: u64,
    /// Messages in one request at the most; usually it is those of one block.
    #[serde(default = "Webhook::max_batch_messages")]
    pub(crate) max_batch_messages: usize,
    /// The first pause between two attempts, milliseconds; doubles up to the longest.
    #[serde(default = "Webhook::retry_min_ms")]
    pub(crate) retry_min_ms: u64,
    /// The longest pause between two attempts, milliseconds.
    #[serde(default = "Webhook::retry_max_ms")]
    pub(crate) retry_max_ms: u64,
    /// How long a batch is tried before it becomes a dead letter, milliseconds.
    #[serde(default = "Webhook::give_up_after_ms")]
    pub(crate) give_up_after_ms: u64,
}

fn one() -> u64 {
    1
}

impl Webhook {
    fn request_timeout_ms() -> u64 {
        10_000
    }
    fn max_batch_messages() -> usize {
        1_000
    }
    fn retry_min_ms() -> u64 {
        200
    }
    fn retry_max_ms() -> u64 {
        30_000
    }
    fn give_up_after_ms() -> u64 {
        24 * 3_600_000
    }
}

/// `[relayer]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Relayer {
    /// The key that signs receipts: an encrypted keystore (Ethereum V3 JSON), or hex text for development.
    pub(crate) key_file: PathBuf,
    /// The password of `key_file` and of every keystore in `lane_key_files`, in a file of its own.
    pub(crate) password_file: Option<PathBuf>,
    /// The keys that send transactions, one account and file each. None: `key_file` does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lane_key_files: Vec<PathBuf>,
    /// Keys that send transactions and are kept elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lane_signer: Vec<LaneSigner>,
    /// Bounds of the queue and the lanes.
    #[serde(default)]
    pub(crate) tuning: wia_relayer::Config,
}

/// `[[relayer.lane_signer]]`: an account of Web3signer, Clef, or whatever else answers `eth_signTransaction`; these stand
/// before key services (AWS, Azure, Google) and hardware.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaneSigner {
    /// JSON-RPC over HTTP.
    pub(crate) url: String,
    /// The account.
    #[serde(with = "wia_abi::eip55")]
    pub(crate) address: Address,
}

/// `[http]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// Address to listen on.
    pub(crate) host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub(crate) port: u16,
    /// Values of `Origin` that browsers may come from (C-023); empty: any.
    pub(crate) allowed_origins: Vec<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed; empty: the peer's own address counts.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Addresses that may see the operator's view beside this machine itself.
    pub(crate) operators: Vec<IpAddr>,
    /// The most HTTP connections at once, WebSockets and streams aside; more are closed.
    pub(crate) max_http_connections: usize,
    /// The most HTTP connections at once from one address (IPv6: one /64).
    pub(crate) max_http_connections_per_ip: usize,
    /// How long an HTTP connection may last, milliseconds; what became a WebSocket or a stream is no HTTP connection.
    pub(crate) connection_timeout_ms: u64,
    /// How long a client may take for a request's head, milliseconds.
    pub(crate) header_timeout_ms: u64,
    /// The most WebSocket connections and streams of events at once.
    pub(crate) max_connections: usize,
    /// The most of them at once from one address.
    pub(crate) max_connections_per_ip: usize,
    /// How long a connection of the carbon stream may take to authenticate, milliseconds (X-07).
    pub(crate) auth_timeout_ms: u64,
    /// How often the server pings, milliseconds (C-030).
    pub(crate) ping_interval_ms: u64,
    /// How long a silent connection is kept, milliseconds (X-49).
    pub(crate) idle_timeout_ms: u64,
    /// How long one frame may take to be sent, or a stream stand still, before the reader counts as too slow,
    /// milliseconds.
    pub(crate) send_timeout_ms: u64,
    /// The most calls of one connection that wait for an answer; beyond it, reading pauses.
    pub(crate) max_pending_calls: usize,
    /// The most subscriptions of one connection.
    pub(crate) max_subscriptions: usize,
    /// The most batches of messages being taken at once, and requests that are larger than one message may be; more are
    /// refused.
    pub(crate) max_batches: usize,
    /// The most of them at once from one address.
    pub(crate) max_batches_per_ip: usize,
    /// The most reads of the indexer's log at once; more wait.
    pub(crate) max_queries: usize,
    /// How long a stream of server-sent events says nothing before it says that it is there, milliseconds.
    pub(crate) sse_keep_alive_ms: u64,
    /// How often an HTTP/2 connection is pinged, milliseconds (C-089).
    pub(crate) http2_keep_alive_ms: u64,
}

/// `[p2p]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct P2p {
    /// Address to listen on.
    pub(crate) host: IpAddr,
    /// TCP and QUIC port; 0 takes free ones.
    pub(crate) port: u16,
    /// Peers to stay connected to, as multiaddrs.
    pub(crate) bootstrap: Vec<String>,
    /// Bounds of the mesh.
    pub(crate) tuning: mesh::Config,
}

/// `[mqtt]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Mqtt {
    /// The port that the MQTT door will have.
    pub(crate) port: u16,
}

/// `[identity]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    /// `iss` of tokens for the carbon protocol (C-105).
    pub(crate) issuer: String,
    /// The keys that may sign them; with none, nobody can authenticate.
    pub(crate) keys: Vec<TokenKey>,
}

/// One verification key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenKey {
    /// `kid` in the token's header (C-104).
    pub(crate) kid: String,
    /// RSA public key, PEM (RS256; X-01).
    pub(crate) public_key: PathBuf,
}

impl Chain {
    /// The endpoint as it may be shown: the one offered to wallets, else ours without keys.
    pub(crate) fn shown_url(&self) -> String {
        self.public_rpc_url.clone().unwrap_or_else(|| without_secrets(&self.http_url))
    }
}

/// Default HTTP port.
pub(crate) const HTTP_PORT: u16 = 8080;
/// Default libp2p port.
pub(crate) const P2P_PORT: u16 = 4001;
/// Default MQTT port.
pub(crate) const MQTT_PORT: u16 = 1883;
/// Default anvil port.
pub(crate) const ANVIL_PORT: u16 = 8545;

impl Default for Http {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: HTTP_PORT,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            operators: Vec::new(),
            max_http_connections: 1_024,
            max_http_connections_per_ip: 256,
            connection_timeout_ms: 60_000,
            header_timeout_ms: 10_000,
            max_connections: 10_000,
            max_connections_per_ip: 1_000,
            auth_timeout_ms: 10_000,
            ping_interval_ms: 30_000,
            idle_timeout_ms: 90_000,
            send_timeout_ms: 10_000,
            max_pending_calls: 128,
            max_subscriptions: 64,
            max_batches: 64,
            max_batches_per_ip: 8,
            max_queries: 32,
            sse_keep_alive_ms: 15_000,
            http2_keep_alive_ms: 30_000,
        }
    }
}

impl Http {
    /// The rooms check their own sections; this is the one that only the doors know.
    fn check(&self) -> Result<(), String> {
        let positive = [
            ("max_http_connections", self.max_http_connections as u64),
            ("max_http_connections_per_ip", self.max_http_connections_per_ip as u64),
            ("connection_timeout_ms", self.connection_timeout_ms),
            ("header_timeout_ms", self.header_timeout_ms),
            ("max_connections", self.max_connections as u64),
            ("max_connections_per_ip", self.max_connections_per_ip as u64),
            ("auth_timeout_ms", self.auth_timeout_ms),
            ("ping_interval_ms", self.ping_interval_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("send_timeout_ms", self.send_timeout_ms),
            ("max_pending_calls", self.max_pending_calls as u64),
            ("max_subscriptions", self.max_subscriptions as u64),
            ("max_batches", self.max_batches as u64),
            ("max_batches_per_ip", self.max_batches_per_ip as u64),
            ("max_queries", self.max_queries as u64),
            ("sse_keep_alive_ms", self.sse_keep_alive_ms),
            ("http2_keep_alive_ms", self.http2_keep_alive_ms),
        ];
        match positive.into_iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => Err(format!("http.{key} must be above zero")),
            None => Ok(()),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl Default for P2p {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: P2P_PORT,
            bootstrap: Vec::new(),
            tuning: mesh::Config::default(),
        }
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Self { port: MQTT_PORT }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self { issuer: "https://auth.wia.live".into(), keys: Vec::new() }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {path}: {reason}")]
    Read { path: PathBuf, reason: std::io::Error },
    #[error("{origin}: {reason}")]
    Invalid { origin: String, reason: String },
}

/// Merges the layers, lowest first. `environment` are the process's variables; those of the form
/// `WIA_SECTION__KEY` (and `WIA_DATA_DIR`) count. `flags` are `section.key` paths with their values.
pub(crate) fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
    flags: Vec<(&'static str, Value)>,
) -> Result<Config, ConfigError> {
    let mut table = Table::new();
    let mut origin = String::from("configuration");
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|reason| ConfigError::Read { path: path.to_owned(), reason })?;
        origin = path.display().to_string();
        table = text.parse().map_err(|e: toml::de::Error| ConfigError::Invalid {
            origin: origin.clone(),
            reason: e.to_string(),
        })?;
    }
    for (name, text) in environment {
        let Some(path) = variable(&name) else { continue };
        // `8080`, `true` and `["a"]` are what they are in TOML; anything else is text.
        let value = format!("v = {text}").parse::<Table>().ok().and_then(|mut t| t.remove("v"));
        set(&mut table, &path, value.unwrap_or(Value::String(text))).map_err(|reason| {
            ConfigError::Invalid { origin: format!("environment variable {name}"), reason }
        })?;
    }
    for (path, value) in flags {
        set(&mut table, path, value)
            .map_err(|reason| ConfigError::Invalid { origin: "flags".into(), reason })?;
    }
    let config: Config = Value::Table(table).try_into().map_err(|e: toml::de::Error| {
        ConfigError::Invalid { origin: origin.clone(), reason: e.to_string().trim().to_owned() }
    })?;
    config.http.check().map_err(|reason| ConfigError::Invalid { origin, reason })?;
    Ok(config)
}

fn variable(name: &str) -> Option<String> {
    let key = name.strip_prefix("WIA_")?.to_ascii_lowercase();
    (key.contains("__") || key == "data_dir").then(|| key.replace("__", "."))
}

fn set(table: &mut Table, path: &str, value: Value) -> Result<(), String> {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
            Ok(())
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            let inner = inner.as_table_mut().ok_or_else(|| format!("`{section}` is not a section"))?;
            set(inner, rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        data_dir = "data"
        [chain]
        id = 31337
        http_url = "http://127.0.0.1:8545"
        deployment = "deployment.json"
        [relayer]
        key_file = "relayer.key"
        [http]
        port = 1
    "#;

    fn with(
        text: &str,
        environment: &[(&str, &str)],
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wia.toml");
        std::fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        load(Some(&path), environment, flags)
    }

    #[test]
    fn flags_win_over_the_environment_and_the_environment_over_the_file() {
        assert_eq!(with(FILE, &[], vec![]).unwrap().http.port, 1);
        let environment = [("WIA_HTTP__PORT", "2"), ("WIA_ANVIL", "/bin/anvil"), ("HOME", "/")];
        assert_eq!(with(FILE, &environment, vec![]).unwrap().http.port, 2);
        let flags = vec![("http.port", Value::Integer(3))];
        assert_eq!(with(FILE, &environment, flags).unwrap().http.port, 3);
    }

    #[test]
    fn unknown_and_missing_keys_are_named() {
        let unknown = with(&format!("{FILE}\nports = 2"), &[], vec![]).unwrap_err().to_string();
        assert!(unknown.contains("`ports`"), "{unknown}");
        let unknown = with(FILE, &[("WIA_P2P__PROT", "2")], vec![]).unwrap_err().to_string();
        assert!(unknown.contains("`prot`"), "{unknown}");
        let zero = with(FILE, &[("WIA_HTTP__PING_INTERVAL_MS", "0")], vec![]).unwrap_err().to_string();
        assert!(zero.contains("http.ping_interval_ms"), "{zero}");
        let missing = with("data_dir = \"d\"", &[], vec![]).unwrap_err().to_string();
        assert!(missing.contains("`chain`"), "{missing}");
    }

    #[test]
    fn what_is_printed_reads_back() {
        let config = with(FILE, &[], vec![]).unwrap();
        let printed = toml::to_string(&config).unwrap();
        let again = with(&printed, &[], vec![]).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), printed);
    }
}
