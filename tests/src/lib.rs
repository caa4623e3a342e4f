//! wia-tests
