//! A response body: counted, and decoded with `--compressed`.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hangup::http::HeaderMap;
use hangup::http::header::CONTENT_ENCODING;
use hangup::net::Duplex;
use hangup::{Body, Error, Response, ResponseExt};

use crate::failure::{Failure, UNKNOWN_CODING};
use crate::progress::Progress;

/// The size of a read, in bytes.
const PIECE: usize = 64 * 1024;

/// The largest number of content codings of a body.
const MOST_CODINGS: usize = 5;

/// Reads the body, or the bytes after a 101, to the end. `received` counts all bytes.
pub(crate) fn copy(
    response: &mut Response,
    received: &Progress,
    decodes: bool,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let codings = if decodes { codings(response.headers()) } else { Vec::new() };
    let counted = match response.take_duplex() {
        Some(duplex) => Counted { source: Source::Duplex(duplex), received },
        None => Counted { source: Source::Body(response.body_mut()), received },
    };
    let mut reader: Encoded<'_> = Box::new(counted);
    if codings.len() > MOST_CODINGS {
        reader = Box::new(Unknown(reader));
    } else {
        for coding in codings.iter().rev() {
            reader = decoder(coding, reader);
        }
    }
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece).map_err(read_failure)? {
            0 => return Ok(()),
            count => write(&piece[..count])?,
        }
    }
}

/// An error that the client did not make comes from a decoder.
fn read_failure(error: io::Error) -> Failure {
    match error.get_ref().is_some_and(|source| source.is::<Error>()) {
        true => Failure::in_body(error.into()),
        false => Failure::new(UNKNOWN_CODING, format!("cannot decode the body: {error}")),
    }
}

/// Returns the content codings in the order in which they were applied (RFC 9110 section 8.4).
fn codings(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(CONTENT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
    let words = lines.flat_map(|line| line.split(',')).map(|word| word.trim().to_ascii_lowercase());
    words.filter(|word| !matches!(word.as_str(), "" | "identity" | "none")).collect()
}

type Encoded<'a> = Box<dyn Read + 'a>;

fn decoder<'a>(coding: &str, encoded: Encoded<'a>) -> Encoded<'a> {
    let start = match coding {
        "gzip" | "x-gzip" => gzip,
        "deflate" => deflate,
        _ => return Box::new(Unknown(encoded)),
    };
    Box::new(Decoder::Waiting(Some(BufReader::new(encoded)), start))
}

fn gzip(encoded: BufReader<Encoded<'_>>) -> Encoded<'_> {
    Box::new(MultiGzDecoder::new(encoded))
}

/// Decodes deflate with or without the zlib format (RFC 1950 section 2.2), which many servers omit.
fn deflate(encoded: BufReader<Encoded<'_>>) -> Encoded<'_> {
    match encoded.buffer().first().is_some_and(|first| first & 0x8f == 8) {
        true => Box::new(ZlibDecoder::new(encoded)),
        false => Box::new(DeflateDecoder::new(encoded)),
    }
}

/// Decodes a body from its first byte. An empty body has no coding.
enum Decoder<'a> {
    Waiting(Option<BufReader<Encoded<'a>>>, fn(BufReader<Encoded<'a>>) -> Encoded<'a>),
    Started(Encoded<'a>),
}

impl Read for Decoder<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Self::Waiting(encoded, start) = self {
            let Some(waiting) = encoded else { return Ok(0) };
            if waiting.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let Some(encoded) = encoded.take() else { return Ok(0) };
            *self = Self::Started(start(encoded));
        }
        match self {
            Self::Started(decoder) => decoder.read(buf),
            Self::Waiting(..) => Ok(0),
        }
    }
}

/// A body in an unknown coding. Only an empty one can be read.
struct Unknown<R>(R);

impl<R: Read> Read for Unknown<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf)? {
            0 => Ok(0),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "unknown content coding")),
        }
    }
}

enum Source<'a> {
    Body(&'a mut Body),
    Duplex(Duplex),
}

/// Counts the bytes that are read.
struct Counted<'a> {
    source: Source<'a>,
    received: &'a Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.source {
            Source::Body(body) => body.read(buf),
            Source::Duplex(duplex) => duplex.read(buf),
        };
        // Errors of a duplex stream are the system's.
        let count = count.map_err(|error| match error.get_ref() {
            Some(source) if source.is::<Error>() => error,
            _ => io::Error::other(Error::from(error)),
        })?;
        self.received.add(count);
        Ok(count)
    }
}
