//! What every metric of the process means, in one table: what `/metrics` says under `# HELP`.
//!
//! The rooms count under these names; that none is missing here, and none is here for nothing, is checked by
//! `tests/tests/tidy.rs`.

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Only ever grows.
const COUNTERS: &[(&str, &str)] = &[
    ("wia_auth_refused_total", "Tokens that were not believed"),
    ("wia_http_connections_refused_total", "Connections over a limit, closed at once"),
    ("wia_http_slow_readers_total", "HTTP connections closed because the other side did not read"),
    ("wia_indexer_blocks_total", "Blocks that joined the log"),
    ("wia_indexer_events_total", "Events in blocks that joined the log or left it"),
    ("wia_indexer_fetched_logs_total", "Logs that endpoints gave, those not of interest included"),
    ("wia_indexer_range_splits_total", "Ranges of blocks that an endpoint could not answer in one piece"),
    (
        "wia_indexer_reorgs_refused_total",
        "Reorgs that one endpoint showed and others contradicted: not believed",
    ),
    ("wia_indexer_reorgs_total", "Reorgs that were followed"),
    ("wia_indexer_request_errors_total", "HTTP requests to an endpoint that failed, each with all its calls"),
    ("wia_indexer_requests_total", "Calls to an endpoint, those of one request one by one"),
    ("wia_indexer_response_bytes_total", "Bytes that an endpoint answered"),
    ("wia_indexer_retracted_blocks_total", "Blocks that left the chain after they had joined the log"),
    ("wia_indexer_retries_total", "Ranges of blocks that were asked for again"),
    ("wia_indexer_sink_dead_letters_total", "Batches that a webhook refused for too long"),
    ("wia_indexer_sink_delivered_total", "Messages that a webhook took"),
    ("wia_indexer_sink_gaps_total", "Times that retention removed events before a webhook had them"),
    ("wia_indexer_sink_refused_total", "Deliveries that failed: refused, late, or nobody there"),
    ("wia_indexer_source_errors_total", "What endpoints did wrong, by kind"),
    ("wia_indexer_suspicions_total", "Answers whose logs do not fit the header's bloom filter or each other"),
    ("wia_indexer_unverified_blocks_total", "Blocks taken with suspicious logs that no receipts proved"),
    ("wia_indexer_verified_blocks_total", "Blocks whose logs were proved by the receipts' root"),
    ("wia_mesh_bans_total", "Peers cut off for malformed messages"),
    ("wia_mesh_claims_total", "Claims of other relayers, by outcome"),
    ("wia_mesh_gossip_total", "Gossip messages, by outcome"),
    ("wia_mesh_published_total", "What this relayer gossiped itself, by outcome"),
    ("wia_mesh_requests_total", "Requests over libp2p, by outcome"),
    ("wia_mesh_slow_peers_total", "Heartbeats in which messages for a slow peer were dropped"),
    ("wia_relayer_accepted_total", "Messages that were accepted: on disk, with a receipt"),
    ("wia_relayer_executed_by_others_total", "Messages that somebody else put on the chain"),
    ("wia_relayer_forgotten_total", "Ended messages that retention removed"),
    (
        "wia_relayer_refused_total",
        "Messages that were not accepted, whoever brought them, by the field at fault",
    ),
    ("wia_relayer_reorged_transactions_total", "Transactions whose block left the chain"),
    ("wia_relayer_rpc_errors_total", "Questions to the chain's endpoint that failed, by method"),
    ("wia_relayer_state_total", "Steps of messages, by the state reached"),
    ("wia_relayer_untold_total", "What other relayers were not told, because too much was waiting"),
    ("wia_ws_connections_refused_total", "WebSockets and streams over the limit of connections"),
    ("wia_ws_frames_total", "Text frames that were received over WebSocket"),
    ("wia_ws_slow_readers_total", "WebSocket connections closed because the other side did not read"),
];

/// Goes up and down.
const GAUGES: &[(&str, &str)] = &[
    ("wia_grpc_streams", "gRPC streams that are open"),
    ("wia_indexer_endpoint_score", "How far an endpoint is trusted, 0 to 100"),
    ("wia_indexer_head", "Height of the newest block in the log"),
    ("wia_indexer_lag_blocks", "Blocks that the log is behind the chain"),
    ("wia_indexer_live", "1 while the indexer follows the chain's head, otherwise 0"),
    ("wia_indexer_range_blocks", "Blocks that are asked for at a time, by endpoint"),
    ("wia_indexer_since_head_seconds", "Seconds since the chain's head last changed"),
    ("wia_mesh_peers", "Connected libp2p peers"),
    ("wia_relayer_in_flight", "Transactions that are signed and not yet mined"),
    (
        "wia_relayer_lane_balance_milliether",
        "What an account that sends has for gas, in thousandths of ether",
    ),
    ("wia_relayer_lane_nonce", "The next nonce of an account that sends"),
    ("wia_relayer_live_items", "Messages from accepted to final"),
    ("wia_relayer_others_alive", "Relayers that this one shares with and hears of"),
    (
        "wia_relayer_overdue_promises",
        "Messages in no block though the block that their receipt promised has passed",
    ),
    ("wia_relayer_queue_depth", "Messages that wait for a transaction"),
    ("wia_sse_streams", "Server-sent event streams that are open"),
    ("wia_ws_connections", "WebSocket connections that are open"),
];

/// How often what was how large.
const HISTOGRAMS: &[(&str, &str)] = &[
    ("wia_indexer_commit_seconds", "Seconds that one change of the chain takes into the log, durable"),
    ("wia_indexer_reorg_depth_blocks", "Blocks that a reorg took back"),
    ("wia_relayer_batch_items", "Messages in one transaction"),
    ("wia_store_commit_group", "Writes that shared one fsync"),
    ("wia_store_commit_seconds", "Seconds that one shared fsync takes"),
];

/// Begins to count, for this process; once.
///
/// # Errors
/// When somebody has begun before.
pub(super) fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    COUNTERS.iter().for_each(|(name, help)| describe_counter!(*name, *help));
    GAUGES.iter().for_each(|(name, help)| describe_gauge!(*name, *help));
    HISTOGRAMS.iter().for_each(|(name, help)| describe_histogram!(*name, *help));
    Ok(handle)
}
