//! The committed artifacts as JSON, for tests that compare what is written by hand with what the compiler said.

use std::path::Path;

use serde_json::Value;

pub(crate) struct Artifact {
    pub(crate) name: String,
    abi: Vec<Value>,
}

/// Every file of `abi/artifacts`.
pub(crate) fn all() -> Vec<Artifact> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
    let mut artifacts: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let json: Value = serde_json::from_str(&text).unwrap();
            Artifact {
                name: json["contractName"].as_str().unwrap().to_owned(),
                abi: json["abi"].as_array().unwrap().clone(),
            }
        })
        .collect();
    artifacts.sort_by(|a, b| a.name.cmp(&b.name));
    artifacts
}

impl Artifact {
    /// The names of its functions.
    pub(crate) fn functions(&self) -> impl Iterator<Item = String> {
        let functions = self.abi.iter().filter(|entry| entry["type"] == "function");
        functions.map(|f| f["name"].as_str().unwrap().to_owned())
    }
}
