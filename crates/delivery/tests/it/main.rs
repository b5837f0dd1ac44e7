//! Laws that the fuzz target checks too, and what earlier versions left.

mod laws;
mod releases;
#[cfg(feature = "client")]
mod told;

use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        laws::any_bytes(&bytes);
    }
}

#[cfg(feature = "client")]
proptest! {
    #[test]
    fn any_words_are_judged(bytes in r#"\{("(agent|config|keys|paths|capture|spool|version|limits|until)":([0-9]{1,20}|null|"[a-f]{0,4}"|\[\]|\{\}),?){0,6}\}"#) {
        told::any_bytes(bytes.as_bytes());
    }
}
