//! Writes the seeds of all targets to `corpus/<target>/`, made by the testkit. Run in the folder `fuzz`.

use arachne_agent::channel::{Order, Packed, Report, Said, Setup, send_order};
use arachne_delivery::instructions::{AgentConfig, Instructions, Keys, Packets, Paths, Save, Service};
use arachne_delivery::status::{Stage, Status};

fn main() -> std::io::Result<()> {
    let filters = ("filter", filters());
    let batches = ("batch", batches());
    let (statuses, channels) = (("status", statuses()), ("channel", channels()));
    for (target, seeds) in arachne_fuzz::seeds::all().into_iter().chain([filters, batches, statuses, channels]) {
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
        points: vec![Default::default(); 2],
        logs: vec![Default::default(); 2],
    };
    let tables = arachne_delivery::codec::encode(&rows);
    let message = |tables| arachne_delivery::proto::Batch { version: 1, tables, ..Default::default() };
    let each = tables.iter().map(|table| message(vec![table.clone()]));
    each.chain([message(tables.clone())]).map(|batch| prost::Message::encode_to_vec(&batch)).collect()
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is data")
}

/// A configuration with something in each of its lists.
fn config() -> AgentConfig {
    let service = Service { name: "shop".to_owned(), port: Some(80), ..Service::default() };
    AgentConfig {
        version: 7,
        filter: "tcp port 80 or vlan".to_owned(),
        save: Save { keep: "status:>=500 -path:/health".to_owned(), packets: Packets::Headers, ..Save::default() },
        services: vec![service],
        tags: vec!["blue".to_owned()],
        ..AgentConfig::default()
    }
}

/// A status with something in each of its lists, and instructions: of today, and of a later server.
fn statuses() -> Vec<Vec<u8>> {
    let status = Status {
        epoch: 7,
        stages: [("packets".to_owned(), Stage { input: 2, output: 1, in_flight: 1, ..Stage::default() })].into(),
        interfaces: vec![Default::default()],
        processes: vec![Default::default()],
        breakers: vec![Default::default()],
        sandbox: vec![Default::default()],
        preview: Some(Default::default()),
        collectors: vec![Default::default()],
        ..Status::default()
    };
    let instructions = Instructions {
        agent: "web-1".to_owned(),
        config: Some(config()),
        keys: Some(Keys { redaction: "0f".repeat(32) }),
        preview: Some(Default::default()),
        paths: Some(Paths { version: 1, positions: vec![Default::default()], rules: vec![Default::default()] }),
        ..Instructions::default()
    };
    let mut later = serde_json::to_value(&instructions).expect("it is data");
    later["config"]["limits"]["gpu"] = true.into();
    let mut strange = later.clone();
    strange["config"]["save"]["packets"] = "compressed".into();
    vec![json(&Status::default()), json(&status), json(&instructions), json(&later), json(&strange)]
}

/// Orders and reports: as frames, and as what is in them.
fn channels() -> Vec<Vec<u8>> {
    let setup = Setup { config: config(), interfaces: vec![Default::default()], ..Setup::default() };
    let orders =
        [Order::Setup(Box::new(setup)), Order::Preview(Default::default()), Order::Beside { cores: 0.5 }, Order::Finish];
    let reports = [
        Report::Ready { landlock: "full".to_owned() },
        Report::Counters(Default::default()),
        Report::Addresses(vec![[10, 0, 0, 1].into()]),
        Report::HandsOver { at: 1 },
    ];
    let packed = Packed { counts: vec![1, 2], bytes: vec![3; 9], position: Some(Default::default()), ..Packed::default() };
    let mut all: Vec<Vec<u8>> = orders.iter().map(json).chain(reports.iter().map(json)).collect();
    all.push(prost::Message::encode_to_vec(&packed));
    let mut framed = [Vec::new(), Vec::new()];
    orders.iter().for_each(|order| send_order(&mut framed[0], order).expect("a vector takes all"));
    let said = reports.into_iter().map(|report| Said::Report(Box::new(report))).chain([Said::Packed(packed)]);
    said.for_each(|said| said.send(&mut framed[1]).expect("a vector takes all"));
    all.into_iter().chain(framed).collect()
}
