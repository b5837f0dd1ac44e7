//! Files with flipped bytes, and files cut short.

use super::*;

/// A small store with rows in the log, in parts, and with parts that have all kinds of files beside them.
fn small() -> BTreeMap<String, Vec<u8>> {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    import(&store, "a", 0..3, 3).expect("there is room");
    store.append(&token(1), rows("b", 0..2)).expect("there is room");
    store.flush().expect("there is room");
    store.append(&token(2), rows("b", 2..4)).expect("there is room");
    store.append(&token(3), rows("b", 4..5)).expect("there is room");
    drop(store);
    disk.files()
}

const WRITTEN: u64 = 8;

/// Opens whatever is there, and sees that every row that is returned was written, and that rows in parts are there or
/// counted as lost.
fn check(files: BTreeMap<String, Vec<u8>>, what: &str, log: bool) {
    let disk = MemoryDisk::from_files(files);
    for _ in 0..2 {
        let store = on(disk.clone()).expect(what);
        let (rows, lost) = read::<ExchangeRow>(&store);
        for row in &rows {
            let n = row.wire_key;
            // `a` is the smaller source and counts, unless it is lost.
            let counted = row.source == "a" || n >= 3 || row.counted && lost > 0 || row.counted && n >= 2;
            assert_eq!(*row, ExchangeRow { counted, ..exchange(&row.source, n) }, "{what}");
        }
        let there = rows.len() as u64;
        assert_eq!(exchanges(&store).len() as u64, there, "{what}");
        if log {
            // Nothing tells that the last file of a log was longer, or was there.
            let torn = !what.contains("flipped");
            assert!(there == WRITTEN || torn || !store.facts().damage.is_empty(), "{what}: {there} rows");
        } else {
            assert_eq!(there + lost, WRITTEN, "{what}: all rows are there or lost");
        }
        let scan = |store: &EmbeddedStore| {
            let mut lost = 0;
            for snapshot in store.snapshots() {
                snapshot.scan(&[0], 100, &mut lost, &mut |_| Ok(())).expect("memory can be read");
            }
            lost
        };
        let found = scan(&store);
        store.set_damage_aside().expect("the disk works");
        assert!(found == 0 || !store.facts().quarantined.is_empty(), "{what}: it is named");
        assert_eq!(scan(&store), 0, "{what}: what is damaged was set aside");
        store.append(&token(99), Rows::default()).expect("it goes on");
    }
}

#[test]
fn no_flipped_byte_and_no_cut_is_ever_served() {
    let all = std::env::var_os("ARACHNE_ALL_FLIPS").is_some();
    let files = small();
    let size: usize = files.values().map(Vec::len).sum();
    assert!(size > 10_000, "{size} bytes");
    let step = if all { 1 } else { 1499 };
    let seed = 5;
    for (path, bytes) in &files {
        let log = path.starts_with("wal/");
        let changed = |bytes: Vec<u8>| {
            let mut files = files.clone();
            files.insert(path.clone(), bytes);
            files
        };
        for at in (0..bytes.len()).skip(seed % bytes.len().max(1)).step_by(step) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            check(changed(flipped), &format!("{path}, byte {at} flipped, seed {seed}"), log);
            check(changed(bytes[..at].to_vec()), &format!("{path}, cut to {at}"), log);
        }
        let mut without = files.clone();
        without.remove(path);
        check(without, &format!("{path} is gone"), log);
    }
}
