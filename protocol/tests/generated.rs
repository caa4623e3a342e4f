//! `protocol/src/generated` is what `protocol/proto` gives; with `WIA_WRITE_GENERATED` set, it is written instead.

use std::path::Path;

const PROTO: &str = "wia/indexer/v1/indexer.proto";
const PACKAGE: &str = "wia.indexer.v1.rs";
const COMMITTED: &str = "src/generated/indexer.rs";

#[test]
fn generated_code_is_what_the_proto_files_give() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = protox::compile([PROTO], [room.join("proto")]).unwrap_or_else(|e| panic!("{e:?}"));
    let folder = tempfile::tempdir().unwrap();
    tonic_prost_build::configure().build_client(false).out_dir(folder.path()).compile_fds(files).unwrap();
    let code = std::fs::read_to_string(folder.path().join(PACKAGE)).unwrap();
    let generated = format!("//! `{PROTO}`, generated: not to be changed by hand.\n\n{code}");
    let committed = room.join(COMMITTED);
    if std::env::var_os("WIA_WRITE_GENERATED").is_some() {
        std::fs::write(&committed, &generated).unwrap();
    }
    let found = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        found == generated,
        "{COMMITTED} is stale: WIA_WRITE_GENERATED=1 cargo test -p wia-protocol --test generated"
    );
}
