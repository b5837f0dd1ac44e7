//! Text filters against what they stand for.

use arachne_model::table::{ExchangeRow, Row as _};
use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::columns;

const TABLE: &Table = ExchangeRow::TABLE;

fn path() -> usize {
    TABLE.column("url.path").expect("a column")
}

fn file(paths: &[String]) -> Vec<u8> {
    let row = |path: &String| ExchangeRow { path: Some(path.clone()), ..ExchangeRow::default() };
    let rows: Vec<ExchangeRow> = paths.iter().map(row).collect();
    let mut builder = TextIndexBuilder::new(TABLE);
    for part in rows.chunks(3) {
        builder.add(&columns::batch(&part.iter().collect::<Vec<_>>()));
    }
    builder.finish().expect("exchanges have texts")
}

#[test]
fn what_is_nowhere_is_known() {
    let file = file(&["/shop/Checkout/7".to_owned(), "/shop/item/12345".to_owned()]);
    let index = TextIndex::read(&file).expect("it was just written");
    let contains = |text: &str| index.may_pass(path(), &TextTest::Contains(text.to_owned()));
    assert!(contains("checkout") && contains("shop") && contains("/shop/item/9"));
    assert!(!contains("checkin") && !contains("/shop/basket"));
    let pattern = |text: &str| index.may_pass(path(), &TextTest::Pattern(Regex::new(text).expect("an expression")));
    assert!(pattern("^/shop/.*$") && pattern("(?i)CHECKOUT/") && pattern("checkout|nowhere"));
    assert!(!pattern("^/[a-z]+/nowhere.*$") && !pattern("(?i:/NOWHERE)+"));
    assert!(index.may_pass(0, &TextTest::Contains("nowhere".to_owned())), "there is no filter for this column");
}

#[test]
fn a_damaged_file_is_not_used() {
    let file = file(&["/shop/checkout".to_owned()]);
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(TextIndex::read(&flipped).is_err(), "byte {at}");
        assert!(TextIndex::read(&file[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn too_many_grams_exclude_nothing() {
    let mut text = String::new();
    let mut state = 1_u64;
    for _ in 0..GRAMS_MAX + GRAMS_MAX / 4 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(b'a' + (state >> 33) as u8 % 26));
    }
    let file = file(&[text]);
    let index = TextIndex::read(&file).expect("it was just written");
    assert!(index.may_pass(path(), &TextTest::Contains("-nowhere-".to_owned())));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-cA-C/]{0,12}",
        "[ksKS\u{212a}\u{17f}/]{0,9}",
        "[a-f0-9]{0,16}",
        "(/(cart|Item|über|\u{1f577}|42)){0,4}",
        any::<String>()
    ]
}

proptest! {
    #[test]
    fn nothing_that_passes_is_excluded(texts in prop::collection::vec(text(), 1..8), needle in text(), from in 0_usize..12, long in 0_usize..12) {
        let file = file(&texts);
        let index = TextIndex::read(&file).expect("it was just written");
        let part: String = texts[0].chars().skip(from).take(long).collect();
        for needle in [needle, part] {
            let quoted = regex::escape(&needle);
            let either = regex::RegexBuilder::new(&quoted).case_insensitive(true).build().expect("it is quoted");
            let tests = [
                TextTest::Contains(needle.to_ascii_lowercase()),
                TextTest::OneOf(vec![needle.clone()]),
                TextTest::Word(vec![needle.clone()]),
                TextTest::Regex(either),
                TextTest::Regex(Regex::new(&format!("(?i){quoted}")).expect("it is quoted")),
                TextTest::Pattern(Regex::new(&format!("^{quoted}.*$")).expect("it is quoted")),
                TextTest::Regex(Regex::new(&format!("x*({quoted})+y?|{quoted}z")).expect("it is quoted")),
                TextTest::Regex(Regex::new(&format!("(?:{quoted}){{2,}}")).expect("it is quoted")),
            ];
            for test in tests {
                let passes = texts.iter().any(|text| test.passes(text));
                prop_assert!(!passes || index.may_pass(path(), &test), "{test:?} of {texts:?}");
            }
        }
    }
}
