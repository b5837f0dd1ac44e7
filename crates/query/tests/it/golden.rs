//! The golden cases on the store in memory.

use std::path::Path;

use arachne_store::MemoryStore;

#[test]
fn golden_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/queries");
    arachne_query::golden::check(&folder, &|| Box::new(MemoryStore::new()));
}
