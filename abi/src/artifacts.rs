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

    /// The signatures of the functions that take somebody's signature and change state.
    pub(crate) fn signed_functions(&self) -> impl Iterator<Item = String> {
        let functions = self.abi.iter().filter(|entry| {
            entry["type"] == "function" && entry["stateMutability"] == "nonpayable" && holds_signature(entry)
        });
        functions.map(|f| format!("{}{}", f["name"].as_str().unwrap(), tuple(&f["inputs"])))
    }

    /// The names of its EIP-712 type hashes: `…_TYPEHASH`.
    pub(crate) fn type_hashes(&self) -> impl Iterator<Item = String> {
        self.functions().filter(|f| f.ends_with("_TYPEHASH"))
    }
}

/// Whether the inputs of a function, or the members of a tuple in them, are a signature: bytes of that name, or v, r, s.
fn holds_signature(entry: &Value) -> bool {
    let parts = ["inputs", "components"].into_iter().filter_map(|key| entry[key].as_array()).flatten();
    parts.into_iter().any(|part| {
        let name = part["name"].as_str().unwrap_or_default().to_lowercase();
        name == "r" && part["type"] == "bytes32"
            || name.ends_with("signature") && part["type"] == "bytes"
            || holds_signature(part)
    })
}

/// Types in the form of selectors: `(address,(uint256,bytes)[])`.
fn tuple(parts: &Value) -> String {
    let text = |part: &Value| {
        let kind = part["type"].as_str().unwrap();
        match kind.strip_prefix("tuple") {
            Some(brackets) => format!("{}{brackets}", tuple(&part["components"])),
            None => kind.to_owned(),
        }
    };
    let parts: Vec<_> = parts.as_array().unwrap().iter().map(text).collect();
    format!("({})", parts.join(","))
}
