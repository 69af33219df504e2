//! Whether a head says in two ways where its request ends, or ends its lines in a way that others read otherwise.
//!
//! A proxy in front may read such a request as another one than we do, and take what follows it for a request of its next
//! client (RFC 9112, 11.2). hyper refuses most of these heads, but forgets a `Content-Length` beside a `Transfer-Encoding`
//! (6.3), and takes a line that ends without a carriage return (2.2). So the bytes are looked at as they come. Nothing
//! that is served depends on what is found here: it only refuses.

/// The name of the header that says how long a body is.
const LENGTH: &[u8] = b"content-length";

/// The name of the header that says how a body is written.
const ENCODING: &[u8] = b"transfer-encoding";

/// How many letters of a name are kept: one more than the longer of both.
const KEPT: usize = 18;

/// Counts the heads that a client sends, up to the first that will not do or whose body has no length of its own.
#[derive(Debug, Default)]
pub(super) struct Framing {
    at: At,
    head: Head,
    line: Line,
    /// How many heads have come before.
    heads: u64,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// A head.
    #[default]
    Head,
    /// A body, of which so much is left.
    Body(u64),
    /// Whatever: no request is taken after this one.
    End,
}

/// What is known of a head.
#[derive(Debug, Default)]
struct Head {
    is_begun: bool,
    has_encoding: bool,
    length: Option<u64>,
    has_bare_line: bool,
}

/// What is known of a line.
#[derive(Debug, Default)]
struct Line {
    name: [u8; KEPT],
    /// How long it is, without its end.
    size: usize,
    /// Where its colon is.
    colon: Option<usize>,
    /// What its digits after the colon say.
    number: u64,
    /// Whether the byte before was a carriage return.
    has_return: bool,
}

impl Framing {
    /// Looks at bytes that have come; the number of the request, from 0, whose head will not do.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Option<u64> {
        while let Some((byte, rest)) = bytes.split_first() {
            match self.at {
                At::End => return None,
                At::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = bytes.get(here..).unwrap_or_default();
                    self.at = match left.saturating_sub(here as u64) {
                        0 => At::Head,
                        left => At::Body(left),
                    };
                }
                At::Head => {
                    bytes = rest;
                    if *byte != b'\n' {
                        self.line.take(*byte);
                    } else if self.ends_line() {
                        return Some(self.heads);
                    }
                }
            }
        }
        None
    }

    /// A line has ended; whether it was the last of a head that will not do.
    fn ends_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.line);
        self.head.has_bare_line |= !line.has_return;
        if line.size > 0 {
            // The first line is no header, whatever it looks like.
            if self.head.is_begun {
                self.head.take(&line);
            }
            self.head.is_begun = true;
            return false;
        }
        // Empty lines before a request are passed over (RFC 9112, 2.2).
        if !self.head.is_begun {
            return false;
        }
        let head = std::mem::take(&mut self.head);
        let is_refused = head.has_bare_line || (head.has_encoding && head.length.is_some());
        if is_refused || head.has_encoding {
            self.at = At::End;
        } else {
            self.heads += 1;
            self.at = match head.length {
                None | Some(0) => At::Head,
                Some(left) => At::Body(left),
            };
        }
        is_refused
    }
}

impl Head {
    fn take(&mut self, line: &Line) {
        let name = line.colon.and_then(|colon| line.name.get(..colon));
        let is = |wanted: &[u8]| name.is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        if is(LENGTH) {
            self.length = Some(line.number);
        }
        self.has_encoding |= is(ENCODING);
    }
}

impl Line {
    fn take(&mut self, byte: u8) {
        self.has_return = byte == b'\r';
        if self.has_return {
            return;
        }
        if self.colon.is_none() {
            if byte == b':' {
                self.colon = Some(self.size);
            } else if let Some(place) = self.name.get_mut(self.size) {
                *place = byte;
            }
        } else if byte.is_ascii_digit() {
            let digit = u64::from(byte - b'0');
            self.number = self.number.saturating_mul(10).saturating_add(digit);
        }
        self.size = self.size.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::Framing;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\n";
    const LENGTH: &str = "Content-Length: 11\r\n";
    const ENCODING: &str = "Transfer-Encoding: chunked\r\n";
    /// A body that would be refused as a head.
    const BODY: &str = "a: b\nc: d\n\n";

    /// The request that is refused of these, however they come in pieces.
    fn refused(text: &str) -> Option<u64> {
        let whole = Framing::default().read(text.as_bytes());
        for size in [1, 7] {
            let mut framing = Framing::default();
            let mut pieces = text.as_bytes().chunks(size);
            let found = pieces.find_map(|piece| framing.read(piece));
            assert_eq!(found, whole, "{text:?} in pieces of {size}");
        }
        whole
    }

    #[test]
    fn ends_said_twice_are_refused() {
        let length = LENGTH.to_lowercase();
        let encoding = ENCODING.to_uppercase();
        for (text, expected) in [
            (GET.to_owned(), None),
            (format!("\r\n\r\n{GET}"), None),
            (format!("{POST}{LENGTH}\r\n{BODY}{GET}"), None),
            (format!("{POST}{LENGTH}{LENGTH}\r\n{BODY}{GET}"), None),
            (
                format!("{POST}{ENCODING}\r\nb\r\n{BODY}\r\n0\r\n\r\n"),
                None,
            ),
            (format!("{POST}X-{ENCODING}{LENGTH}\r\n{BODY}"), None),
            (format!("{POST}X: {ENCODING}{LENGTH}\r\n{BODY}"), None),
            (format!("{ENCODING}{LENGTH}\r\n"), None),
            (format!("{POST}{LENGTH}{ENCODING}\r\n"), Some(0)),
            (format!("{POST}{encoding}{length}\r\n"), Some(0)),
            (
                format!("{POST}{ENCODING}X: y\r\nContent-Length: 0\r\n\r\n"),
                Some(0),
            ),
            (format!("{GET}{GET}{POST}{LENGTH}{ENCODING}\r\n"), Some(2)),
            (
                format!("{POST}{LENGTH}\r\n{BODY}{POST}{ENCODING}{LENGTH}\r\n"),
                Some(1),
            ),
        ] {
            assert_eq!(refused(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn bare_lines_are_refused() {
        for bare in 0..GET.matches("\r\n").count() {
            let mut lines: Vec<_> = GET.splitn(bare + 2, "\r\n").collect();
            let rest = lines.pop().unwrap_or_default();
            let text = format!("{}\n{rest}", lines.join("\r\n"));
            assert_eq!(refused(&format!("{GET}{text}")), Some(1), "{text:?}");
        }
        assert_eq!(refused(&format!("\n{GET}")), Some(0));
    }
}
