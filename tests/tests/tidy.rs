//! The house's habits, kept by a test rather than by reviewers: module docs, bounds, dependency edges, no dead
//! files, documents whose paths exist, a feature table whose tests exist, lock files without addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest a file of code may be, in lines.
const MAX_LINES: usize = 600;
/// The longest a test module may be inside the file it tests, in lines.
const MAX_INLINE_TEST_LINES: usize = 150;
/// The most source files in one folder.
const MAX_FOLDER_FILES: usize = 16;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file that git tracks or would track, relative to the root.
fn files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    let files: Vec<_> = text.lines().map(PathBuf::from).filter(|f| root().join(f).is_file()).collect();
    assert!(files.len() > 50, "only {} files: not the whole project", files.len());
    files
}

fn with_extension(extension: &str) -> Vec<PathBuf> {
    files().into_iter().filter(|f| f.extension().is_some_and(|e| e == extension)).collect()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The cells of each row of a document's tables, headings included.
fn rows(document: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| "));
    rows.map(|row| row.trim_end_matches('|').split(" | ").map(str::trim).collect())
}

/// What a text has between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_opens_with_what_it_is() {
    let wrong: Vec<_> = with_extension("rs")
        .iter()
        .filter(|f| !read(f).starts_with("//!"))
        .map(|f| format!("{} does not open with //!", f.display()))
        .collect();
    nothing_wrong(&wrong);
}

#[test]
fn files_and_folders_stay_small() {
    let mut wrong = Vec::new();
    let mut folders = BTreeMap::<PathBuf, usize>::new();
    for file in with_extension("rs").into_iter().chain(with_extension("sol")) {
        let text = read(&file);
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines; the most is {MAX_LINES}", file.display()));
        }
        let inline = text.split_once("\nmod tests {").map_or(0, |(_, tests)| tests.lines().count());
        if inline > MAX_INLINE_TEST_LINES {
            wrong.push(format!("{}: {inline} lines of tests; move them to a sibling file", file.display()));
        }
        *folders.entry(file.parent().unwrap().to_owned()).or_default() += 1;
    }
    for (folder, count) in folders {
        if count > MAX_FOLDER_FILES {
            wrong.push(format!("{}: {count} files; the most is {MAX_FOLDER_FILES}", folder.display()));
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn rooms_depend_in_one_direction_and_hold_only_what_is_theirs() {
    // Room, the rooms it may know, the crates that would break its promise (house: "must never hold").
    let rooms: [(&str, &[&str], &[&str]); 8] = [
        ("abi", &[], &["tokio", "sled", "axum", "libp2p", "reqwest"]),
        ("store", &[], &["axum", "libp2p", "alloy"]),
        ("protocol", &["abi"], &["tokio", "sled", "axum", "libp2p"]),
        ("indexer", &["abi", "protocol", "store"], &["axum", "libp2p", "jsonwebtoken"]),
        ("relayer", &["abi", "protocol", "store"], &["axum", "jsonwebtoken"]),
        ("node", &["abi", "protocol", "store", "indexer", "relayer"], &["sled"]),
        ("bench", &["abi", "protocol", "relayer"], &["sled", "axum", "libp2p"]),
        ("tests", &["abi", "protocol", "store", "indexer", "relayer", "node"], &[]),
    ];
    let mut wrong = Vec::new();
    for (room, may_know, never) in rooms {
        let manifest = read(&Path::new(room).join("Cargo.toml"));
        for line in manifest.lines().filter(|l| !l.trim_start().starts_with('#')) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if let Some(other) = name.strip_prefix("wia-")
                && !may_know.contains(&other)
            {
                wrong.push(format!("{room} depends on {other}"));
            }
        }
        // What its tests stand in for, a server for one, they may bring.
        let product = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for line in product.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if never.contains(&name) {
                wrong.push(format!("{room} holds {name}"));
            }
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn every_metric_says_what_it_means() {
    const TABLE: &str = "node/src/wiring/metering.rs";
    let names = |text: &str| -> BTreeSet<String> {
        let quoted = text.split('"').filter(|part| part.starts_with("wia_"));
        let name =
            |part: &&str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        quoted.filter(name).map(str::to_owned).collect()
    };
    let sources = ["store", "indexer", "relayer", "node"].map(|room| Path::new(room).join("src"));
    let of_the_product = |f: &&PathBuf| sources.iter().any(|s| f.starts_with(s)) && **f != Path::new(TABLE);
    let counted: BTreeSet<_> =
        with_extension("rs").iter().filter(of_the_product).flat_map(|f| names(&read(f))).collect();
    let explained = names(&read(Path::new(TABLE)));
    assert!(counted.len() > 50, "only {} metrics were found", counted.len());
    let missing = counted.difference(&explained).map(|name| format!("{name} is not in {TABLE}"));
    let idle = explained.difference(&counted).map(|name| format!("{name} of {TABLE} is counted nowhere"));
    nothing_wrong(&missing.chain(idle).collect::<Vec<_>>());
}

#[test]
fn there_are_no_dead_files() {
    let mut wrong = Vec::new();
    for file in with_extension("rs").iter().filter(|f| f.components().any(|c| c.as_os_str() == "src")) {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        if matches!(stem, "lib" | "main") {
            continue;
        }
        let folder = file.parent().unwrap();
        // `a/b.rs` and `a/b/mod.rs` are declared in `a/mod.rs`, `a.rs`, or the crate's root.
        let (name, home) = if stem == "mod" {
            (folder.file_name().unwrap().to_str().unwrap(), folder.parent().unwrap())
        } else {
            (stem, folder)
        };
        let parents =
            [home.join("mod.rs"), home.with_extension("rs"), home.join("lib.rs"), home.join("main.rs")];
        let declared = parents.iter().filter(|p| root().join(p).is_file()).any(|p| {
            read(p).lines().any(|l| {
                l.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ")
                    == format!("mod {name};")
            })
        });
        if !declared {
            wrong.push(format!("{} is declared by no module", file.display()));
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn documents_name_paths_that_exist() {
    let rooms: BTreeSet<_> =
        files().iter().map(|f| f.components().next().unwrap().as_os_str().to_owned()).collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for document in with_extension("md") {
        let beside = document.parent().unwrap();
        for quoted in quoted(&read(&document)) {
            let path = quoted.split(['#', ' ', ':']).next().unwrap_or_default().trim_end_matches('/');
            let first = Path::new(path).components().next().map(|c| c.as_os_str().to_owned());
            let names_a_room = path.contains('/') && first.is_some_and(|f| rooms.contains(&f));
            if !names_a_room || path.contains(['<', '*', '…', '{', '$']) || is_made_at_run_time(path) {
                continue;
            }
            seen += 1;
            if !root().join(path).exists() && !root().join(beside).join(path).exists() {
                wrong.push(format!("{} names {path}, which is not there", document.display()));
            }
        }
    }
    assert!(seen > 10, "only {seen} paths found in documents: the search is broken");
    nothing_wrong(&wrong);
}

fn is_made_at_run_time(path: &str) -> bool {
    path.contains("node_modules") || path.contains("/target") || path.starts_with("target")
}

#[test]
fn the_feature_table_is_whole_and_names_tests_that_exist() {
    let table = read(Path::new("FEATURES.md"));
    let mut ids = BTreeSet::new();
    let mut wrong = Vec::new();
    for cells in rows(&table) {
        let [id, _, state, shown_by] = cells[..] else {
            wrong.push(format!("not four cells: {cells:?}"));
            continue;
        };
        if id == "id" {
            continue;
        }
        if !ids.insert(id.to_owned()) {
            wrong.push(format!("{id} stands twice"));
        }
        if !matches!(state, "works" | "partly" | "not yet") {
            wrong.push(format!("{id}: `{state}` is no state"));
        }
        let tests: Vec<_> = quoted(shown_by).collect();
        if state != "not yet" && tests.is_empty() {
            wrong.push(format!("{id} {state}, and no test shows it"));
        }
        for test in tests {
            let Some((file, name)) = test.split_once("::") else {
                wrong.push(format!("{id}: `{test}` is not file::test"));
                continue;
            };
            let found = std::fs::read_to_string(root().join(file)).is_ok_and(|text| {
                text.contains(&format!("fn {name}(")) || text.contains(&format!("function {name}("))
            });
            if !found {
                wrong.push(format!("{id}: there is no test {name} in {file}"));
            }
        }
    }
    for (prefix, least) in [("C-", 80), ("B-", 90), ("E-", 60), ("X-", 60)] {
        let count = ids.iter().filter(|id| id.starts_with(prefix)).count();
        if count < least {
            wrong.push(format!("only {count} rows {prefix}…; the documents have at least {least}"));
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn invariants_and_proofs_that_the_contracts_name_exist() {
    let readme = read(Path::new("contracts/README.md"));
    let (_, table) = readme.split_once("## What holds").expect("contracts/README.md says what holds");
    let solidity: String = with_extension("sol").iter().map(|f| read(f)).collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for cells in rows(table) {
        let [property, invariants, proofs] = cells[..] else {
            wrong.push(format!("not three cells: {cells:?}"));
            continue;
        };
        if property == "property" {
            continue;
        }
        for (prefix, names) in [("invariant_", invariants), ("check_", proofs)] {
            for name in quoted(names).filter(|name| !name.starts_with('…')) {
                seen += 1;
                if !solidity.contains(&format!("function {prefix}{name}(")) {
                    wrong.push(format!("contracts/README.md names {name}; there is no {prefix}{name}"));
                }
            }
        }
    }
    assert!(seen > 20, "only {seen} names found: the search is broken");
    nothing_wrong(&wrong);
}

#[test]
fn lock_files_carry_no_addresses() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "package-lock.json" {
            seen += 1;
            if read(&file).contains("\"resolved\"") {
                wrong.push(format!("{} carries download addresses", file.display()));
            }
        }
        if name == "Cargo.lock" {
            seen += 1;
            let elsewhere = read(&file).lines().any(|l| {
                l.starts_with("source = ")
                    && !l.contains("registry+https://github.com/rust-lang/crates.io-index")
            });
            if elsewhere {
                wrong.push(format!("{} takes crates from elsewhere than crates.io", file.display()));
            }
        }
    }
    assert!(seen >= 4, "only {seen} lock files found");
    nothing_wrong(&wrong);
}
