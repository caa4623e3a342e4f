//! wia-relayer
