//! Templates made anew: every row by the rules of now, nothing else of it changed.

use super::*;

fn shop(source: &str, n: i64) -> ExchangeRow {
    let path = format!("/users/u{n}/cart");
    // Rules of before joined what is apart now; a few have no path, and fewer nothing.
    let template = match n % 5 {
        0 => None,
        1 => Some(path.clone()),
        _ => Some("/users/{word}/{word}".to_owned()),
    };
    let path = (n % 5 > 1).then_some(path);
    ExchangeRow { path, template, template_rules: 1, ..exchange(source, n) }
}

#[test]
fn every_row_goes_by_the_new_rules_and_nothing_else_changes() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    for sequence in 1..4 {
        let from = i64::try_from(sequence).expect("few") * 100;
        // The last batch saw exchanges of the first: they do not count.
        let (source, from) = if sequence == 3 { ("b", 100) } else { ("a", from) };
        let rows = Rows { exchanges: (from..from + 50).map(|n| shop(source, n)).collect(), ..Rows::default() };
        store.append(&token(sequence), rows).expect("it takes them");
        store.flush().expect("it can write");
    }
    let before = exchanges(&store);
    assert_eq!(before.values().filter(|row| !row.counted).count(), 50);
    let template =
        |known: &str| known.replace("/users/u", "/people/").chars().filter(|c| !c.is_ascii_digit()).collect();
    let mut parts = 0;
    while store.retemplate(257, &template).expect("it can write") {
        parts += 1;
        assert!(parts < 10, "it ends");
    }
    assert_eq!(parts, 3);
    let expected: BTreeMap<String, ExchangeRow> = before
        .into_iter()
        .map(|(id, row)| {
            let template = row.template.as_ref().map(|_| "/people//cart".to_owned());
            (id, ExchangeRow { template, template_rules: 257, ..row })
        })
        .collect();
    assert_eq!(exchanges(&store), expected);
    assert_eq!(exchanges(&open(&disk)), expected, "it is durable");
    assert!(!store.retemplate(1, &template).expect("it reads"), "older rules change nothing");
}
