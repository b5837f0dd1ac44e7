//! Crashes at every change of the disk.

use super::*;
use crate::disk::{Fault, FaultDisk, Plan, TraceDisk};

/// What is acknowledged, by how many exchanges of each source must be there.
type Acked = BTreeMap<&'static str, i64>;

/// A bit of everything. `acked` is told each time something is.
fn work(store: &EmbeddedStore, acked: &mut dyn FnMut(&'static str, i64)) -> Result<(), StoreError> {
    let mut append = |sequence: u64, numbers: std::ops::Range<i64>| {
        let end = numbers.end;
        store.append(&token(sequence), rows("a", numbers)).map(|_| acked("a", end))
    };
    append(1, 0..4)?;
    append(2, 4..6)?;
    store.flush()?;
    append(3, 6..9)?;
    match import(store, "b", 0..8, 8) {
        // It was replaced already.
        Err(StoreError::OtherOptions { .. }) => {}
        other => other.map(|_| acked("b", 8))?,
    }
    store.flush()?;
    store.merge()?;
    if let Some(mut second) = begin(store, "b", "x", true)? {
        second.push(rows("b", 0..10))?;
        second.finish().map(|_| acked("b", 10))?;
    }
    Ok(())
}

/// All of `acked`, nothing twice, nothing else than what was written.
fn check(disk: &MemoryDisk, acked: &Acked, at: &str) {
    let store = open(disk);
    let facts = store.facts();
    assert!(facts.damage.is_empty() && facts.quarantined.is_empty(), "{at}: {facts:?}");
    let there = exchanges(&store);
    for (source, count) in acked {
        for n in 0..*count {
            assert!(there.contains_key(&exchange(source, n).id), "{at}: {source} {n} was acknowledged");
        }
    }
    for row in there.values() {
        let written = ExchangeRow { counted: row.counted, ..exchange(&row.source, row.wire_key) };
        assert_eq!(*row, written, "{at}");
    }
    // What was interrupted is done again, and then everything is there once.
    work(&store, &mut |_, _| ()).expect("the disk works");
    assert_eq!(exchanges(&store).len(), 19, "{at}");
    assert_eq!((part_rows(&store, 1), part_rows(&store, 2)), (19, 19), "{at}");
    let known: usize =
        store.snapshots().iter().flat_map(|s| s.parts.clone()).map(|part| part.meta.files().count()).sum();
    assert_eq!(disk_files(disk, "parts/").len(), known, "{at}: nothing is left behind");
}

/// How many changes the work makes.
fn changes() -> u64 {
    let counting = FaultDisk::faulty(Arc::new(MemoryDisk::default()), None);
    let counting = Arc::new(counting);
    let store = EmbeddedStore::open_on(Arc::clone(&counting) as Arc<dyn Disk>, settings()).expect("it is new");
    work(&store, &mut |_, _| ()).expect("the disk works");
    counting.changes()
}

#[test]
fn the_power_goes_at_any_change() {
    let all = std::env::var_os("ARACHNE_ALL_FLIPS").is_some();
    let changes = changes();
    for at in (0..changes).step_by(if all { 1 } else { 37 }) {
        let memory = MemoryDisk::default();
        let plan = Plan { at, times: 1, fault: Fault::PowerOff };
        let mut acked = Acked::new();
        if let Ok(store) = on(FaultDisk::faulty(Arc::new(memory.clone()), Some(plan))) {
            drop(work(&store, &mut |source, count| acked.extend([(source, count)])));
        }
        check(&memory, &acked, &format!("change {at}"));
    }
}

#[test]
fn a_change_that_fails_once_harms_nothing() {
    let all = std::env::var_os("ARACHNE_ALL_FLIPS").is_some();
    for at in (0..changes()).step_by(if all { 1 } else { 53 }) {
        let memory = MemoryDisk::default();
        let plan = Plan { at, times: 1, fault: Fault::Tear(5) };
        let mut acked = Acked::new();
        if let Ok(store) = on(FaultDisk::faulty(Arc::new(memory.clone()), Some(plan))) {
            drop(work(&store, &mut |source, count| acked.extend([(source, count)])));
            work(&store, &mut |source, count| acked.extend([(source, count)])).expect("it failed only once");
            assert_eq!(exchanges(&store).len(), 19, "change {at}");
        }
        check(&memory, &acked, &format!("change {at}"));
    }
}

#[test]
fn a_power_cut_leaves_any_part_of_what_was_not_synced() {
    let all = std::env::var_os("ARACHNE_ALL_FLIPS").is_some();
    let disk = Arc::new(TraceDisk::recording());
    let store = EmbeddedStore::open_on(Arc::clone(&disk) as Arc<dyn Disk>, settings()).expect("it is new");
    let mut acks = Vec::new();
    work(&store, &mut |source, count| acks.push((disk.operations(), source, count))).expect("the disk works");
    let seed = 20_261_122;
    for (number, image) in disk.images(seed, if all { 3000 } else { 20 }).enumerate() {
        let acked = acks.iter().filter(|(at, ..)| *at <= image.operations).map(|(_, source, count)| (*source, *count));
        check(&image.disk, &acked.collect(), &format!("seed {seed}, image {number}, {} operations", image.operations));
    }
}
