//! The map of the paths that every event takes. Its hash is quick and seeded anew in each process, so that nobody can
//! choose accounts or topics that fall together.

/// Unordered: what goes to disk is sorted first.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
