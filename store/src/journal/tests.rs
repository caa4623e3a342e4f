//! A journal gives back what it took, cuts torn ends off, tells damage from them, and forgets by files.

use proptest::prelude::*;

use super::*;

const SMALL: u64 = 400;

fn payload(key: u64) -> Vec<u8> {
    vec![key as u8; 20 + (key % 7) as usize]
}

fn fill(journal: &Journal, keys: impl IntoIterator<Item = u64>) {
    for key in keys {
        journal.append(&[(key, payload(key))]).unwrap();
    }
}

fn last_file(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
    files.filter(|p| segment::first_key(p).is_some()).max().unwrap()
}

#[test]
fn records_are_found_by_key_and_below_a_key_over_many_files_and_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    fill(&journal, (10..500).step_by(5));
    journal.sync().unwrap();
    let check = |journal: &Journal| {
        assert_eq!((journal.first_key(), journal.last_key()), (Some(10), Some(495)));
        for key in 0..520 {
            let expected = (key >= 10).then(|| (key - key % 5).min(495));
            assert_eq!(journal.at_or_before(key).unwrap(), expected.map(|k| (k, payload(k))), "{key}");
            assert_eq!(journal.get(key).unwrap().is_some(), expected == Some(key), "{key}");
        }
        assert_eq!(journal.before(10).unwrap(), None);
        assert_eq!(journal.before(15).unwrap().unwrap().0, 10);
        assert_eq!(journal.before(0).unwrap(), None);
    };
    check(&journal);
    drop(journal);
    check(&Journal::open(folder.path(), SMALL).unwrap());
    // Tables are derived.
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "pos") {
            std::fs::remove_file(path).unwrap();
        }
    }
    check(&Journal::open(folder.path(), SMALL).unwrap());
}

#[test]
fn a_sealed_record_that_was_changed_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    fill(&Journal::open(folder.path(), SMALL).unwrap(), 0..50);
    let path = segment::path(folder.path(), 0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    let outcomes: Vec<_> = (0..5).map(|key| journal.get(key)).collect();
    assert!(outcomes.iter().any(|o| matches!(o, Err(JournalError::Damaged { .. }))), "{outcomes:?}");
}

#[test]
fn a_changed_record_with_sound_ones_behind_it_is_damage_not_a_torn_end() {
    let folder = tempfile::tempdir().unwrap();
    fill(&Journal::open(folder.path(), 1 << 20).unwrap(), 0..9);
    let path = last_file(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(Journal::open(folder.path(), 1 << 20), Err(JournalError::Damaged { .. })));
}

#[test]
fn whole_files_are_forgotten_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    fill(&journal, 0..200);
    let first = journal.forget_before(100).unwrap().unwrap();
    assert!(first > 50 && first <= 100, "{first}");
    assert_eq!(journal.get(first).unwrap(), Some(payload(first)));
    assert_eq!(journal.at_or_before(first - 1).unwrap(), None);
    assert_eq!(journal.forget_before(u64::MAX).unwrap().map(|k| k > 150), Some(true), "the last file stays");
    drop(journal);
    let journal = Journal::open(folder.path(), SMALL).unwrap();
    assert_eq!(journal.last_key(), Some(199));
    fill(&journal, 200..210);
}

/// The kernel refuses, as it does when the disk is full: this test's binary runs again under a limit on the size of files.
#[test]
fn a_full_disk_refuses_a_batch_as_a_whole_and_takes_it_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact journal::tests::fills_the_disk --nocapture";
    let output = std::process::Command::new("sh")
        .args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap()])
        .env("WIA_TEST_JOURNAL", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let kept = said.lines().find_map(|l| l.split("kept ").nth(1)?.parse::<u64>().ok());
    let kept = kept.unwrap_or_else(|| panic!("{output:?}"));
    assert!(kept > 10, "{said}");
    let journal = Journal::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(journal.last_key(), Some(kept - 1), "nothing of the refused batches is there");
    for key in 0..kept {
        assert_eq!(journal.get(key).unwrap(), Some(payload(key)));
    }
    fill(&journal, kept..kept + 50);
    assert_eq!(journal.last_key(), Some(kept + 49));
}

/// Does nothing unless the environment asks for it.
#[test]
fn fills_the_disk() {
    let Some(folder) = std::env::var_os("WIA_TEST_JOURNAL") else { return };
    let journal = Journal::open(Path::new(&folder), 1 << 20).unwrap();
    let batch = |first: u64| (first..first + 3).map(|key| (key, payload(key))).collect::<Vec<_>>();
    let mut kept = 0;
    let error = loop {
        match journal.append(&batch(kept)) {
            Ok(()) => kept += 3,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");
    // The same call again, and a smaller one: it is no end.
    assert!(matches!(journal.append(&batch(kept)), Err(JournalError::Full { .. })));
    journal.sync().unwrap();
    assert_eq!(journal.get(kept - 1).unwrap(), Some(payload(kept - 1)));
    println!("kept {kept}");
}

#[test]
#[should_panic(expected = "keys ascend")]
fn keys_that_do_not_ascend_are_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    fill(&Journal::open(folder.path(), SMALL).unwrap(), [3, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A killed process leaves any prefix of what it wrote, perhaps with zeros or rubbish behind it.
    #[test]
    fn any_torn_end_is_cut_off_at_a_record(cut in 0_usize..700, rubbish in prop::collection::vec(0_u8..3, 0..60)) {
        let folder = tempfile::tempdir().unwrap();
        fill(&Journal::open(folder.path(), 1 << 20).unwrap(), 0..16);
        let path = last_file(folder.path());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.truncate(cut);
        let torn = [bytes, rubbish].concat();
        std::fs::write(&path, torn).unwrap();
        let journal = Journal::open(folder.path(), 1 << 20);
        if cut < 8 {
            // Not even the beginning was written: nothing was ever acknowledged from such a file.
            return Ok(());
        }
        let journal = journal.unwrap();
        let kept = journal.last_key().map_or(0, |k| k + 1);
        for key in 0..kept {
            prop_assert_eq!(journal.get(key).unwrap(), Some(payload(key)));
        }
        fill(&journal, kept..kept + 3);
        drop(journal);
        prop_assert_eq!(Journal::open(folder.path(), 1 << 20).unwrap().last_key(), Some(kept + 2));
    }
}
