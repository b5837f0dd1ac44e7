//! Lists.

use std::num::NonZeroUsize;

use arachne_filter::Computed;
use arachne_store::{Cursor, ListRequest, Number, Order, Scalar, Unwatched};
use proptest::prelude::*;

use super::data::{Stored, column, stored};
use super::predicates::selection;
use super::reference;
use crate::scan::{ScanOptions, list};

fn numbers() -> impl Strategy<Value = Number> {
    let start = Number::Column(column("start"));
    prop_oneof![
        3 => Just(start),
        4 => prop::sample::select(vec![
            Number::Column(column("end")),
            Number::Column(column("http.response.status_code")),
            Number::Column(column("service")),
            Number::Computed(Computed::Duration),
            Number::Computed(Computed::Wait),
        ]),
    ]
}

prop_compose! {
    fn request()(
        selection in selection(),
        by in numbers(),
        descending in any::<bool>(),
        limit in prop_oneof![0_usize..5, Just(1000)],
        after in prop::option::of((prop::option::of(prop_oneof![0_i64..50, Just(200), Just(500)]), 0_i64..50, 0_usize..61)),
    ) -> ListRequest {
        let after = after.map(|(number, start, id)| Cursor {
            number: if by == Number::Column(column("start")) { Some(start) } else { number },
            key: vec![Scalar::Int(start), Scalar::Text(format!("{id:026}").into())],
        });
        let columns = ["service", "start", "id", "counted", "url.path", "service", "http.request.headers"];
        ListRequest { selection, order: Order { by, descending }, after, limit, columns: columns.map(column).into() }
    }
}

fn check(stored: &Stored, request: &ListRequest) -> Result<(), TestCaseError> {
    let expected = reference::list(&stored.rows, request);
    let snapshot = stored.snapshot();
    for threads in [1, 3] {
        let options = ScanOptions { threads: NonZeroUsize::new(threads).expect("above 0") };
        let page = list(&snapshot, request, &Unwatched, &options).expect("nothing is damaged");
        prop_assert_eq!(&page.rows, &expected.rows, "{:?} on {} threads", request, threads);
        prop_assert_eq!(&page.next, &expected.next);
        prop_assert_eq!(page.scanned.rows + page.scanned.skipped, stored.rows.len() as u64);
        prop_assert_eq!(page.scanned.lost, 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn lists_equal_plain_loops(stored in stored(), request in request()) {
        check(&stored, &request)?;
    }

    #[test]
    fn pages_together_are_the_whole(stored in stored(), mut request in request(), limit in 1_usize..7) {
        (request.after, request.limit) = (None, 1000);
        let whole = reference::list(&stored.rows, &request).rows;
        let snapshot = stored.snapshot();
        request.limit = limit;
        let mut rows = Vec::new();
        loop {
            let page = list(&snapshot, &request, &Unwatched, &ScanOptions::default()).expect("nothing is damaged");
            rows.extend(page.rows);
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        prop_assert_eq!(rows, whole);
    }
}
