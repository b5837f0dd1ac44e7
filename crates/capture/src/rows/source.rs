//! The value of the column `source` for files: what is in them names them.

/// Hashes the content of a file (BLAKE3).
#[derive(Clone, Debug, Default)]
pub struct ContentHash(blake3::Hasher);

impl ContentHash {
    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// 32 hex digits: the first 16 bytes of the hash of the only file, or of the hash over the whole hashes of all files in
/// their order.
#[must_use]
pub fn set_hash(files: &[ContentHash]) -> String {
    let hash = match files {
        [only] => only.0.finalize(),
        all => {
            let mut set = blake3::Hasher::new();
            all.iter().for_each(|file| _ = set.update(file.0.finalize().as_bytes()));
            set.finalize()
        }
    };
    hash.to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{ContentHash, set_hash};

    #[test]
    fn one_file_and_a_set() {
        let of = |bytes: &[u8]| {
            let mut hash = ContentHash::default();
            bytes.iter().for_each(|byte| hash.update(&[*byte]));
            hash
        };
        // The test vector of BLAKE3 for the empty input.
        assert_eq!(set_hash(&[of(b"")]), "af1349b9f5f9a1a6a0404dea36dcc949");
        assert_ne!(set_hash(&[of(b"a"), of(b"b")]), set_hash(&[of(b"b"), of(b"a")]));
        assert_ne!(set_hash(&[of(b"a"), of(b"")]), set_hash(&[of(b"a")]));
    }
}
