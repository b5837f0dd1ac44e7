//! The fuzz targets on stable Rust: their seeds, everything that fuzzing once found, and a little random damage.

use std::path::Path;

use arachne_testkit::Random;
use arachne_testkit::mutate::mutate;

#[path = "../../../../fuzz/src/lib.rs"]
mod fuzz;

#[test]
fn seeds_and_their_neighbours() {
    for (target, seeds) in fuzz::seeds::all() {
        let body = fuzz::bodies::named(target);
        for seed in &seeds {
            body(seed);
            for n in 0..100 {
                let (mut bytes, mut random) = (seed.clone(), Random::new(n));
                let changes = 1 + random.below(6);
                mutate(&mut bytes, changes, &mut random);
                body(&bytes);
            }
        }
    }
}

#[test]
fn what_was_found_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
    for (target, _) in fuzz::seeds::all() {
        let Ok(entries) = std::fs::read_dir(root.join(target)) else { continue };
        for entry in entries.flatten() {
            fuzz::bodies::named(target)(&std::fs::read(entry.path()).unwrap());
        }
    }
}
