//! Writes the seeds of all targets to `corpus/<target>/`, made by the testkit. Run in the folder `fuzz`.

fn main() -> std::io::Result<()> {
    let filters = ("filter", filters());
    for (target, seeds) in arachne_fuzz::seeds::all().into_iter().chain([filters]) {
        let folder = std::path::Path::new("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}

/// The examples of the field catalogue.
fn filters() -> Vec<Vec<u8>> {
    let tables = arachne_model::table::TABLES.iter();
    let entries = tables.flat_map(|table| arachne_filter::catalogue::entries(table));
    entries.flat_map(|entry| entry.examples).map(|example| example.as_bytes().to_vec()).collect()
}
