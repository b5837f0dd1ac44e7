//! Laws that the fuzz target checks too.

mod laws;

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        laws::any_bytes(&bytes);
    }
}
