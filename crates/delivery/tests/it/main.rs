//! Laws that the fuzz target checks too, and what earlier versions left.

mod laws;
mod releases;

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        laws::any_bytes(&bytes);
    }
}
