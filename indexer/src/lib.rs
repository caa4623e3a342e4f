//! wia-indexer
