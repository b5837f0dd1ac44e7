//! Heads beside `httparse`: on what it accepts, both must read the same.

use arachne_wire::protocol::http1::{Parsed, Role, parse};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

const TOKEN: &str = "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}";
const VALUE: &str = "([!-~\u{a1}-\u{ff}]([ \t!-~]{0,30}[!-~])?)?";

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn ours(role: Role, head: &[u8]) -> Box<arachne_wire::protocol::http1::Head> {
    match parse(role, head, 256, false) {
        Parsed::Done(parsed, length) => {
            assert_eq!(length, head.len());
            parsed
        }
        Parsed::Partial => panic!("the head is whole: {}", head.escape_ascii()),
    }
}

fn render(first: &str, fields: &[(String, String)], blanks: bool) -> Vec<u8> {
    let mut head = format!("{first}\r\n").into_bytes();
    for (name, value) in fields {
        let pad = if blanks { " \t " } else { "" };
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(format!(":{pad}").as_bytes());
        head.extend(value.chars().map(|c| u8::try_from(u32::from(c)).unwrap()));
        head.extend_from_slice(format!("{pad}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn pairs<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Pairs {
    fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn requests(
        method in TOKEN,
        target in "[!-~]{1,40}",
        minor in 0..2_u8,
        fields in proptest::collection::vec((TOKEN, VALUE), 0..12),
        blanks in any::<bool>(),
    ) {
        let head = render(&format!("{method} {target} HTTP/1.{minor}"), &fields, blanks);
        let mut slots = [httparse::EMPTY_HEADER; 32];
        let mut theirs = httparse::Request::new(&mut slots);
        if theirs.parse(&head) != Ok(httparse::Status::Complete(head.len())) {
            return Ok(());
        }
        let ours = ours(Role::Request, &head).message;
        let arachne_model::StartLine::Request { method, target, version } = ours.start_line else { panic!() };
        prop_assert_eq!(ours.text(method), theirs.method.unwrap().as_bytes());
        prop_assert_eq!(ours.text(target), theirs.path.unwrap().as_bytes());
        let their_version = format!("HTTP/1.{}", theirs.version.unwrap());
        prop_assert_eq!(ours.text(version), their_version.as_bytes());
        let their_fields = pairs(theirs.headers.iter().map(|h| (h.name.as_bytes(), h.value)));
        prop_assert_eq!(pairs(ours.headers()), their_fields);
    }

    #[test]
    fn responses(
        status in 100..600_u16,
        reason in "([!-~]([ !-~]{0,20}[!-~])?)?",
        fields in proptest::collection::vec((TOKEN, VALUE), 0..12),
        blanks in any::<bool>(),
    ) {
        let head = render(&format!("HTTP/1.1 {status} {reason}"), &fields, blanks);
        let mut slots = [httparse::EMPTY_HEADER; 32];
        let mut theirs = httparse::Response::new(&mut slots);
        prop_assert_eq!(theirs.parse(&head), Ok(httparse::Status::Complete(head.len())));
        let ours = ours(Role::Response, &head).message;
        let arachne_model::StartLine::Response { version, status, reason } = ours.start_line else { panic!() };
        prop_assert_eq!(ours.text(version), b"HTTP/1.1");
        prop_assert_eq!(status, theirs.code.unwrap());
        prop_assert_eq!(ours.text(reason), theirs.reason.unwrap().as_bytes());
        let their_fields = pairs(theirs.headers.iter().map(|h| (h.name.as_bytes(), h.value)));
        prop_assert_eq!(pairs(ours.headers()), their_fields);
    }

    /// Whatever the bytes: where `httparse` accepts the head, so do we, with the same method, status and names.
    #[test]
    fn near_misses(
        first in "(GET|P@ST|HTTP/1.1) ?[ -~]{0,12} ?(HTTP/1.[01])?",
        rest in "([A-Za-z :\t]{0,9}\r?\n){0,4}\r?\n",
    ) {
        let head = format!("{first}\r\n{rest}").into_bytes();
        let mut slots = [httparse::EMPTY_HEADER; 32];
        let mut theirs = httparse::Request::new(&mut slots);
        if let Ok(httparse::Status::Complete(length)) = theirs.parse(&head) {
            let Parsed::Done(ours, our_length) = parse(Role::Request, &head, 256, false) else { panic!() };
            prop_assert_eq!(our_length, length);
            let names = |pairs: Pairs| pairs.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
            let their_names: Vec<_> = theirs.headers.iter().map(|h| h.name.as_bytes().to_vec()).collect();
            prop_assert_eq!(names(pairs(ours.message.headers())), their_names);
        }
        prop_assert!(matches!(parse(Role::Response, &head, 2, true), Parsed::Done(..)));
    }
}
