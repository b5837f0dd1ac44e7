//! A tolerant walk over the values of one JSON object, without building it.
//!
//! It takes what servers write that should have been JSON: bytes that are no UTF-8, a value that is missing (`"rt":,`).
//! Depth and the length of paths are bounded; what lies deeper is passed over. A line that ends within the object is none.

/// Objects within each other whose values have paths.
const DEPTH_MAX: usize = 8;
/// Objects and lists within each other at all.
const NESTING_MAX: usize = 128;
/// Bytes of a path; values with longer ones are passed over.
const PATH_BYTES_MAX: usize = 256;

/// A value as it stands in the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json<'a> {
    /// Between quotes, still escaped.
    Text(&'a [u8]),
    /// A number, a word or nothing.
    Bare(&'a [u8]),
}

impl<'a> Json<'a> {
    /// The text of either.
    pub(crate) fn raw(self) -> &'a [u8] {
        match self {
            Self::Text(text) | Self::Bare(text) => text,
        }
    }
}

/// Gives each value that is no list or object to `take`, with its keys joined by points. Of a key given twice, both come.
/// What stands behind the object is passed over. None when it is no object or is cut.
pub(crate) fn walk<'a>(line: &'a [u8], take: &mut impl FnMut(&[u8], Json<'a>)) -> Option<()> {
    let mut path = [0; PATH_BYTES_MAX];
    let mut cursor = Cursor { line, at: 0 };
    cursor.expect(b'{')?;
    cursor.object(&mut path, 0, 1, take)
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<u8> {
        while self.line.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.line.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The text of a string whose first quote is next.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let rest = self.line.get(self.at..)?;
            self.at += memchr::memchr2(b'"', b'\\', rest)?;
            if self.line[self.at] == b'"' {
                self.at += 1;
                return Some(&self.line[start..self.at - 1]);
            }
            self.at += 2;
        }
    }

    /// A number or word up to what ends a value.
    fn bare(&mut self) -> &'a [u8] {
        let start = self.at;
        let ends = |b: &u8| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace();
        self.at += self.line[start..].iter().position(ends).unwrap_or(self.line.len() - start);
        &self.line[start..self.at]
    }

    /// The members behind `{`. `length` bytes of `path` are the keys above; `depth` objects are open.
    fn object(
        &mut self,
        path: &mut [u8; PATH_BYTES_MAX],
        length: usize,
        depth: usize,
        take: &mut impl FnMut(&[u8], Json<'a>),
    ) -> Option<()> {
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            let joined = join(path, length, key).filter(|_| depth <= DEPTH_MAX);
            match (self.peek()?, joined) {
                (b'{', Some(end)) if depth < DEPTH_MAX => {
                    self.at += 1;
                    self.object(path, end, depth + 1, take)?;
                }
                (b'{' | b'[', _) => self.skip()?,
                (b'"', end) => {
                    let text = self.string()?;
                    end.into_iter().for_each(|end| take(&path[..end], Json::Text(text)));
                }
                (_, end) => {
                    let text = self.bare();
                    end.into_iter().for_each(|end| take(&path[..end], Json::Bare(text)));
                }
            }
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Passes over a list or an object.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                b'"' => {
                    self.string()?;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
            if open > NESTING_MAX {
                return None;
            }
        }
    }
}

/// Puts `key` behind the first `length` bytes of a path; where it ends then.
fn join(path: &mut [u8; PATH_BYTES_MAX], length: usize, key: &[u8]) -> Option<usize> {
    let start = length + usize::from(length > 0);
    let end = start + key.len();
    path.get_mut(start..end)?.copy_from_slice(key);
    if length > 0 {
        path[length] = b'.';
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::walk;
    use proptest::prelude::*;

    fn values(line: &[u8]) -> Option<Vec<String>> {
        let mut all = Vec::new();
        let show = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        walk(line, &mut |path, value| all.push(format!("{}={}", show(path), show(value.raw()))))?;
        Some(all)
    }

    #[test]
    fn objects_are_walked_and_what_is_none_is_refused() {
        let table: &[(&str, Option<&[&str]>)] = &[
            (r#"{"a":1,"b":"x\"y" , "c":null}"#, Some(&["a=1", r#"b=x\"y"#, "c=null"])),
            (r#"{"a":{"b":{"c":true}},"l":[1,{"x":"]"}],"z":2}"#, Some(&["a.b.c=true", "z=2"])),
            (r#"{"rt":,"x":}"#, Some(&["rt=", "x="])),
            ("{}", Some(&[])),
            (r#"{"a":1,"a":2} trailing"#, Some(&["a=1", "a=2"])),
            ("", None),
            ("[1]", None),
            (r#"{"a":1"#, None),
            (r#"{"a":"1}"#, None),
            (r#"{"a" 1}"#, None),
        ];
        for (line, expected) in table {
            assert_eq!(
                values(line.as_bytes()).as_deref(),
                expected.map(|v| v.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref(),
                "{line}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |n: usize| format!("{{\"a\":{}1{},\"b\":2}}", "{\"a\":".repeat(n), "}".repeat(n));
        assert_eq!(values(deep(20).as_bytes()), Some(vec!["b=2".to_owned()]));
        assert_eq!(values(deep(2000).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(line in proptest::collection::vec(any::<u8>(), 0..200), near in r#"[{}\[\]",:a\\ 1]{0,60}"#) {
            values(&line);
            values(near.as_bytes());
        }
    }
}
