//! Spool files that the real agent wrote, and the real import.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use arachne_testkit::Conversation;

use crate::support::{arachne, pcap};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Exchanges that the agent sees.
const EXCHANGES: usize = 3;

/// Runs an agent without a server on a capture with secrets until `folder` holds its exchanges; gives its spool files.
fn recorded(folder: &Path) -> Vec<PathBuf> {
    let capture = folder.join("seen.pcap");
    let mut packets = Vec::new();
    for port in 0..EXCHANGES {
        let mut talk = Conversation::new(&format!("10.0.0.7:{}", 5000 + port), "10.0.0.9:80");
        let request = format!("GET /{port}?password=S3CR3T HTTP/1.1\r\nHost: shop\r\nCookie: sid=S3CR3T\r\n\r\n");
        talk.handshake().client(request.as_bytes()).server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
        packets.extend_from_slice(talk.packets());
    }
    fs::write(&capture, pcap(&packets)).unwrap();
    let spool = folder.join("agent");
    let mut agent = arachne()
        .args(["agent", "--name", "web-1", "--file"])
        .arg(&capture)
        .arg("--spool")
        .arg(&spool)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while exchanges_in(&spool) < EXCHANGES {
        assert!(begun.elapsed() < PATIENCE, "the agent records nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = Command::new("kill").arg(agent.id().to_string()).status().unwrap();
    assert!(ended.success() && agent.wait().unwrap().success());
    files(&spool)
}

fn files(spool: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(spool.join("spool")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| fs::read(file).is_ok_and(|bytes| bytes.starts_with(b"ARASPOOL")));
    files.sort();
    files
}

fn exchanges_in(spool: &Path) -> usize {
    let of = |file: &PathBuf| {
        let mut file = arachne_delivery::spool::read_file(file).ok()?;
        let mut found = 0;
        while let Some(batch) = file.next_batch().unwrap() {
            let rows = arachne_delivery::codec::decode(batch.unwrap().tables, &mut 0).unwrap();
            found += rows.exchanges.iter().filter(|row| !row.provisional).count();
        }
        Some(found)
    };
    files(spool).iter().filter_map(of).sum()
}

/// Imports files into a store; exit code and standard error.
fn import(data: &Path, files: &[PathBuf]) -> (Option<i32>, String) {
    let done = arachne().args(["import", "--data"]).arg(data).args(files).output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// All exchanges of a store, also those that do not count.
fn exchanges(data: &Path) -> Vec<String> {
    let sql = "select agent, url_path, url_query, counted from exchanges order by url_path, source";
    let done = arachne().args(["sql", sql, "--format", "csv", "--data"]).arg(data).output().unwrap();
    String::from_utf8(done.stdout).unwrap().lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn the_spool_of_a_real_agent_is_imported_once_and_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (files, data) = (recorded(folder.path()), folder.path().join("data"));
    let (code, err) = import(&data, &files);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains(&format!("{EXCHANGES} exchanges")), "{err}");
    let rows = exchanges(&data);
    assert_eq!(rows.len(), EXCHANGES, "{rows:?}");
    let is_right = |row: &String| row.starts_with("web-1,/") && row.contains("[redacted:") && row.ends_with(",true");
    assert!(rows.iter().all(is_right), "{rows:?}");
    assert!(!rows.concat().contains("S3CR3T"));
    let (code, err) = import(&data, &files);
    assert_eq!((code, err.matches("IMPORT-FILE-001").count()), (Some(0), files.len()), "{err}");
    assert_eq!(exchanges(&data), rows);
}

#[test]
fn a_spool_and_a_capture_move_together_by_whole_windows() {
    let folder = tempfile::tempdir().unwrap();
    let (mut files, data) = (recorded(folder.path()), folder.path().join("data"));
    files.push(folder.path().join("seen.pcap"));
    let starts = |data: &Path| -> Vec<i64> {
        let sql = "select arrow_cast(start, 'Int64') from exchanges order by agent, url_path";
        let done = arachne().args(["sql", sql, "--format", "csv", "--data"]).arg(data).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().lines().skip(1).map(|line| line.parse().unwrap()).collect()
    };
    let (code, err) = import(&data, &files);
    assert_eq!(code, Some(0), "{err}");
    let moved = folder.path().join("moved");
    let done =
        arachne().args(["import", "--end-at", "1795255200", "--data"]).arg(&moved).args(&files).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (before, after) = (starts(&data), starts(&moved));
    let by = after[0] - before[0];
    assert_eq!((before.len(), by % 10_000_000_000), (2 * EXCHANGES, 0), "{before:?}");
    assert_eq!(after, before.iter().map(|start| start + by).collect::<Vec<_>>());
    assert_ne!(by, 0);
}

#[test]
fn a_torn_end_of_a_spool_file_keeps_what_was_before_and_a_later_copy_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let (files, data) = (recorded(folder.path()), folder.path().join("data"));
    let name = |file: &&PathBuf| file.to_string_lossy().contains("-records-");
    let whole = files.iter().find(name).unwrap();
    let torn = folder.path().join("torn.spool");
    // All of it, and a batch that was cut in its header.
    let bytes = fs::read(whole).unwrap();
    fs::write(&torn, [&bytes[..], &bytes[36..60]].concat()).unwrap();
    let (code, err) = import(&data, std::slice::from_ref(&torn));
    assert_eq!(code, Some(6), "{err}");
    let place = format!("torn.spool: the end was not written whole at byte {}; 24 bytes are skipped", bytes.len());
    assert!(err.contains("READ-FILE-001") && err.contains(&place), "{err}");
    let before = exchanges(&data);
    assert_eq!(before.len(), EXCHANGES, "{before:?}");
    let (code, err) = import(&data, &files);
    assert_eq!(code, Some(0), "{err}");
    let after = exchanges(&data);
    assert_eq!(after.iter().filter(|row| row.ends_with(",true")).count(), EXCHANGES, "{after:?}");
}

#[test]
fn what_is_no_spool_file_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        let (code, err) = import(&data, &[file]);
        assert_eq!(code, Some(6), "{name}: {err}");
        assert!(err.contains(expected), "{name}: {err}");
    };
    check("empty.spool", b"", "the file is empty");
    check("text.spool", b"these are words, no batches", "it is text");
    check("head.spool", b"ARASPOOL", "the end was not written whole at byte 0");
    check("other.spool", &[b"ARASPOOL".as_slice(), &[7; 100]].concat(), "the header of the file is damaged at byte 0");
    let mut newer = b"ARASPOOL\x02\0\0\0".to_vec();
    newer.extend([0; 20]);
    newer.extend(crc32c::crc32c(&newer).to_le_bytes());
    check("newer.spool", &newer, "has format 2");
    let read = arachne().arg("read").arg(folder.path().join("head.spool")).output().unwrap();
    let err = String::from_utf8_lossy(&read.stderr).into_owned();
    assert!(err.contains("a spool file of an agent"), "{err}");
    assert!(exchanges(&data).is_empty());
}
