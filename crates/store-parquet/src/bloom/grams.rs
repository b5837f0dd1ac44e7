//! The grams of texts: which ones are kept, and why.
//!
//! A gram is [`LENGTH`] bytes in a row, ASCII letters in lower case. Grams with a digit or a line end are left out: nearly
//! all random ids and numbers go with them, which would fill any filter and tell nothing about the words that people look
//! for. Measured on a part of 131 072 exchanges with hexadecimal ids in three headers: all grams of five bytes are 9
//! million different ones, those without digits some ten thousand.

/// Bytes of a gram.
pub(super) const LENGTH: usize = 5;

/// The last bytes of a gram.
const MASK: u64 = (1 << (8 * LENGTH)) - 1;

/// The pieces of a text in which all grams are kept, without those too short for any.
pub(super) fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| is_left_out(*byte)).filter(|piece| piece.len() >= LENGTH)
}

/// Whether grams with this byte are left out.
#[inline]
fn is_left_out(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'\n'
}

/// Gives each kept gram of `text` to `each`, as a number.
#[inline]
pub(super) fn grams(text: &[u8], mut each: impl FnMut(u64)) {
    let (mut gram, mut run) = (0_u64, 0_usize);
    for byte in text {
        if is_left_out(*byte) {
            run = 0;
            continue;
        }
        gram = (gram << 8 | u64::from(byte.to_ascii_lowercase())) & MASK;
        run += 1;
        if run >= LENGTH {
            each(gram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        grams(text.as_bytes(), |gram| {
            all.push(String::from_utf8_lossy(&gram.to_be_bytes()[8 - LENGTH..]).into_owned());
        });
        all
    }

    #[test]
    fn pieces_have_all_grams() {
        for text in ["/Cart/x", "/cart7/abcd", "deadbeef0badcafe", "abc\ndef", "", "0", "GET /api/users/1234?x=y"] {
            let mut of_pieces = Vec::new();
            pieces(text.as_bytes()).for_each(|piece| grams(piece, |gram| of_pieces.push(gram)));
            let mut all = Vec::new();
            grams(text.as_bytes(), |gram| all.push(gram));
            assert_eq!(of_pieces, all, "{text}");
        }
    }

    #[test]
    fn grams_are_of_words() {
        assert_eq!(of("/Cart/x"), ["/cart", "cart/", "art/x"]);
        assert_eq!(of("/cart7/abcd"), ["/cart", "/abcd"]);
        assert_eq!(of("deadbeef0badcafe"), ["deadb", "eadbe", "adbee", "dbeef", "badca", "adcaf", "dcafe"]);
        assert_eq!(of("abc\ndef"), [""; 0]);
    }
}
