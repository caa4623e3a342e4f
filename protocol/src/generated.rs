//! Code generated from `protocol/proto`, committed so that a build needs no protoc. `protocol/tests/generated.rs` compares
//! it with what the files give, and writes it anew: `WIA_WRITE_GENERATED=1 cargo test -p wia-protocol --test generated`.

#[rustfmt::skip]
#[allow(unreachable_pub, clippy::large_enum_variant)]
pub mod indexer;
