//! Writes the seeds of all targets to `corpus/<target>/`, made by the testkit. Run in the folder `fuzz`.

fn main() -> std::io::Result<()> {
    let filters = ("filter", filters());
    let batches = ("batch", batches());
    for (target, seeds) in arachne_fuzz::seeds::all().into_iter().chain([filters, batches]) {
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

/// A message with rows of all tables, and one with those of each.
fn batches() -> Vec<Vec<u8>> {
    let row = |path: &str| arachne_model::table::ExchangeRow { path: Some(path.to_owned()), ..Default::default() };
    let rows = arachne_model::table::Rows {
        exchanges: vec![row("/a"), row("/b"), row("/a"), Default::default()],
        sessions: vec![Default::default(); 2],
        packets: vec![Default::default(); 2],
        bodies: vec![Default::default(); 2],
        quality: vec![Default::default(); 2],
        hosts: vec![Default::default(); 2],
    };
    let tables = arachne_delivery::codec::encode(&rows);
    let message = |tables| arachne_delivery::proto::Batch { version: 1, tables, ..Default::default() };
    let each = tables.iter().map(|table| message(vec![table.clone()]));
    each.chain([message(tables.clone())]).map(|batch| prost::Message::encode_to_vec(&batch)).collect()
}
