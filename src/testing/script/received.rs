//! The requests that a script receives.

/// A request that a [`Script`](super::Script) received, as it came.
///
/// The head is kept as text, so that a test can also look at the order and the spelling of the fields.
#[derive(Clone, Debug)]
pub struct Received {
    pub(super) connection: usize,
    /// The start line and the fields, without the empty line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// The lines of the trailer section, each with a `\n`.
    pub(super) trailers: String,
}

/// The framing of a request's body, as far as a script needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Empty,
    Length(usize),
    Chunked,
}

impl Received {
    pub(super) fn new(connection: usize, head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head).into_owned();
        Self { connection, head, body: Vec::new(), trailers: String::new() }
    }

    /// Returns the number of the connection, from 1 in the order in which they were accepted.
    #[must_use]
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// Returns the request line and the header lines, without the empty line after them. Bytes that are not
    /// UTF-8 are replaced.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.word(0)
    }

    /// Returns the request target as it was sent, such as `/a?b=c`.
    #[must_use]
    pub fn target(&self) -> &str {
        self.word(1)
    }

    fn word(&self, index: usize) -> &str {
        self.request_line().split(' ').nth(index).unwrap_or_default()
    }

    fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Returns the value of the first header of this name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Returns the values of all headers of this name, in any case.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let named = fields.filter(move |(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim())
    }

    /// Returns the body, without the framing of chunks.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as text. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the lines of the trailer section, each with a `\n`.
    #[must_use]
    pub fn trailers(&self) -> &str {
        &self.trailers
    }

    /// Returns the framing, or an error if the body's length cannot be told.
    pub(super) fn framing(&self) -> Result<Framing, String> {
        if let Some(coding) = self.header("transfer-encoding") {
            return match coding.eq_ignore_ascii_case("chunked") {
                true => Ok(Framing::Chunked),
                false => Err(format!("transfer-encoding {coding:?} is not chunked")),
            };
        }
        match self.header("content-length") {
            None => Ok(Framing::Empty),
            Some(length) => match length.parse() {
                Ok(length) => Ok(Framing::Length(length)),
                Err(_) => Err(format!("content-length {length:?} is not a number")),
            },
        }
    }

    /// Returns `true` if the words of `pattern` are the first words of the request line. A word that ends in
    /// `*` matches each word with the same beginning.
    pub(super) fn matches(&self, pattern: &str) -> bool {
        let mut words = self.request_line().split(' ');
        pattern.split_whitespace().all(|wanted| {
            let word = words.next().unwrap_or_default();
            match wanted.strip_suffix('*') {
                Some(begin) => word.starts_with(begin),
                None => word == wanted,
            }
        })
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_compared_word_by_word() {
        let request = Received::new(1, b"GET /a/b?c=d HTTP/1.1\r\nHost: x");
        for (pattern, matches) in [
            ("", true),
            ("GET", true),
            ("GET /a/b?c=d", true),
            ("GET /a/b?c=d HTTP/1.1", true),
            ("GET /a/*", true),
            ("* /a/b*", true),
            ("GET /a/b", false),
            ("GET /", false),
            ("get", false),
            ("POST /a/b?c=d", false),
            ("GET /a/b?c=d HTTP/1.1 more", false),
        ] {
            assert_eq!(request.matches(pattern), matches, "{pattern}");
        }
    }

    #[test]
    fn headers_are_found_in_any_case_and_order() {
        let head = b"PUT /a HTTP/1.1\r\nA: 1\r\nb:2\r\na:  3 \r\nContent-Length: 4\r\nbroken";
        let request = Received::new(3, head);
        assert_eq!((request.method(), request.target(), request.connection()), ("PUT", "/a", 3));
        assert_eq!(request.header("B"), Some("2"));
        assert_eq!(request.headers("a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(request.header("c"), None);
        assert_eq!(request.framing(), Ok(Framing::Length(4)));
    }

    #[test]
    fn an_unknown_framing_is_an_error() {
        let framing = |field: &str| Received::new(1, format!("A\r\n{field}").as_bytes()).framing();
        assert_eq!(framing("x: y"), Ok(Framing::Empty));
        assert_eq!(framing("Transfer-Encoding: Chunked"), Ok(Framing::Chunked));
        assert!(framing("transfer-encoding: gzip, chunked").is_err());
        assert!(framing("content-length: -1").is_err());
        assert!(framing("content-length: 99999999999999999999999").is_err());
    }
}
