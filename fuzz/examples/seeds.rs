//! Writes the seeds of all targets to `corpus/<target>/`, made by the testkit. Run in the folder `fuzz`.

use arachne_agent::channel::{Order, Packed, Report, Said, Setup, send_order};
use arachne_delivery::instructions::{AgentConfig, Instructions, Keys, Packets, Paths, Save, Service};
use arachne_delivery::status::{Stage, Status};

fn main() -> std::io::Result<()> {
    let filters = ("filter", filters());
    let batches = ("batch", batches());
    let (statuses, channels, lines) = (("status", statuses()), ("channel", channels()), ("line", lines()));
    for (target, seeds) in arachne_fuzz::seeds::all().into_iter().chain([filters, batches, statuses, channels, lines]) {
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

/// Lines of each format, whose number stands in front, and of each kind of rule.
fn lines() -> Vec<Vec<u8>> {
    let plain = r#"1.2.3.4 - - [21/Nov/2026:19:47:20 +0000] "GET /a?b=1 HTTP/1.1" 200 3"#;
    let browser = r#""-" "curl/8""#;
    let formats = [
        format!(r#"{plain} {browser} 0.120 HIT [0.1, - : 0.02] 10.0.0.1:80, 10.0.0.2:80 : unix:/s 0123456789abcdef"#),
        format!("{plain} {browser}"),
        format!("1.2.3.4 shop - {} {browser}", &plain[12..]),
        r#"{"time":"2026-11-21T19:47:20+00:00","status":"502","request_method":"GET","request_uri":"/a","request_time":"0.1"}"#.to_owned(),
        "<134>Nov 21 19:47:20 haproxy[7]: 1.2.3.4:5 [21/Nov/2026:19:47:20.123] in be/s1 1/0/2/30/33 200 99 - - ---- 1/1/0/0/0 0/0 \"GET /a HTTP/1.1\"".to_owned(),
        r#"1795290440.123 "GET /a HTTP/1.1" 404 shop"#.to_owned(),
    ];
    let ruled = "2026-11-21 19:47:20 x: a=0.83 b=4.99 c#step=+3;\n{\"at\":\"2026-11-21 19:47:20\",\"name\":\"x\",\"value\":3}\n\
                 2026-11-21 19:47:20,904 INFO 3\nat=\"2026-11-21 19:47:20\" name=x value=3";
    let numbered = (0..)
        .zip(&formats)
        .map(|(number, line): (u8, _)| [&[number], line.as_bytes(), b"\n", ruled.as_bytes()].concat());
    numbered.collect()
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
    let orders = [
        Order::Setup(Box::new(setup)),
        Order::Preview(Default::default()),
        Order::Beside { cores: 0.5 },
        Order::Finish,
    ];
    let reports = [
        Report::Ready { landlock: "full".to_owned() },
        Report::Counters(Default::default()),
        Report::Addresses(vec![[10, 0, 0, 1].into()]),
        Report::HandsOver { at: 1 },
    ];
    let packed =
        Packed { counts: vec![1, 2], bytes: vec![3; 9], position: Some(Default::default()), ..Packed::default() };
    let mut all: Vec<Vec<u8>> = orders.iter().map(json).chain(reports.iter().map(json)).collect();
    all.push(prost::Message::encode_to_vec(&packed));
    let mut framed = [Vec::new(), Vec::new()];
    orders.iter().for_each(|order| send_order(&mut framed[0], order).expect("a vector takes all"));
    let said = reports.into_iter().map(|report| Said::Report(Box::new(report))).chain([Said::Packed(packed)]);
    said.for_each(|said| said.send(&mut framed[1]).expect("a vector takes all"));
    all.into_iter().chain(framed).collect()
}
