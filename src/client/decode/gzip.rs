//! The coding `gzip` (RFC 1952): members, each with a header, deflate data and a checksum.

use flate2::{Crc, Decompress};

use super::deflate::{Deflate, inflate};
use super::reader::{Damage, Decoder, Step};

/// The codings that are offered.
pub(super) const NAMES: &[&str] = &["gzip", "deflate"];

/// Returns the decoder of a coding, if it is one of this file.
pub(super) fn decoder(name: &str) -> Option<Box<dyn Decoder>> {
    match name {
        // RFC 9110 section 8.4.1.3: the two are equivalent.
        "gzip" | "x-gzip" => Some(Box::new(Gzip::new())),
        "deflate" => Some(Box::new(Deflate::new())),
        _ => None,
    }
}

/// The beginning of each member: two bytes of identification, and the compression method, deflate.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// The bytes of a header that every member has.
const FIXED: usize = 10;

/// The bytes of the trailer: the checksum and the length of the decoded data, each as 32 bits.
const TRAILER: usize = 8;

/// The largest field of a header, in bytes, which is that of an extra field. Names and comments are shorter.
const MAX_FIELD: usize = 64 * 1024;

// The flags of a header.
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

pub(super) struct Gzip {
    inflate: Decompress,
    /// Of the decoded data of this member.
    checksum: Crc,
    stage: Stage,
}

enum Stage {
    Header(Header),
    Data,
    Trailer([u8; TRAILER], usize),
    /// Behind a member. Another follows if these many bytes, and the rest, are [`MAGIC`]. Anything else
    /// is ignored.
    Behind(usize),
    Ended,
}

impl Gzip {
    pub(super) fn new() -> Self {
        let stage = Stage::Header(Header::new());
        Self { inflate: Decompress::new(false), checksum: Crc::new(), stage }
    }

    /// Takes one byte outside of the data.
    fn take(&mut self, byte: u8) -> Result<(), Damage> {
        match &mut self.stage {
            Stage::Header(header) => {
                if header.take(byte)? {
                    self.inflate.reset(false);
                    self.checksum.reset();
                    self.stage = Stage::Data;
                }
            }
            Stage::Trailer(trailer, count) => {
                trailer[*count] = byte;
                *count += 1;
                if *count == TRAILER {
                    let trailer = u64::from_le_bytes(*trailer);
                    self.check(trailer)?;
                    self.stage = Stage::Behind(0);
                }
            }
            Stage::Behind(count) if byte == MAGIC[*count] => {
                *count += 1;
                if *count == MAGIC.len() {
                    self.stage = Stage::Header(Header::after_magic());
                }
            }
            Stage::Behind(_) => self.stage = Stage::Ended,
            Stage::Data | Stage::Ended => {}
        }
        Ok(())
    }

    /// Compares the trailer with the decoded data.
    fn check(&self, trailer: u64) -> Result<(), Damage> {
        let (checksum, length) = (trailer as u32, (trailer >> 32) as u32);
        match () {
            () if checksum != self.checksum.sum() => Err("the checksum does not match"),
            () if length != self.checksum.amount() => Err("the length does not match"),
            () => Ok(()),
        }
    }
}

impl Decoder for Gzip {
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, Damage> {
        let mut all = Step::default();
        loop {
            match &self.stage {
                Stage::Data => {
                    let (left, room) = (&input[all.read..], &mut out[all.written..]);
                    let step = inflate(&mut self.inflate, left, room)?;
                    self.checksum.update(&room[..step.written]);
                    all.read += step.read;
                    all.written += step.written;
                    if !step.is_last {
                        return Ok(all);
                    }
                    self.stage = Stage::Trailer([0; TRAILER], 0);
                }
                Stage::Ended => return Ok(Step { is_last: true, ..all }),
                Stage::Header(_) | Stage::Trailer(..) | Stage::Behind(_) => {
                    let Some(byte) = input.get(all.read) else { return Ok(all) };
                    self.take(*byte)?;
                    all.read += 1;
                }
            }
        }
    }

    fn may_end(&self) -> bool {
        matches!(self.stage, Stage::Behind(_) | Stage::Ended)
    }

    fn name(&self) -> &'static str {
        "gzip"
    }
}

/// The header of a member, byte by byte.
struct Header {
    flags: u8,
    part: Part,
    /// How many bytes of the name or the comment have come.
    length: usize,
    /// Of the header so far.
    checksum: Crc,
}

/// The part of a header that comes next.
#[derive(Clone, Copy)]
enum Part {
    /// So many of the fixed bytes have come.
    Fixed(usize),
    ExtraLength,
    /// With the low byte of the length.
    ExtraLengthHigh(u8),
    /// So many bytes of the extra field are left.
    Extra(u16),
    Name,
    Comment,
    Checksum,
    /// With the low byte of the checksum.
    ChecksumHigh(u8),
    End,
}

impl Header {
    fn new() -> Self {
        Self { flags: 0, part: Part::Fixed(0), length: 0, checksum: Crc::new() }
    }

    /// Returns a header whose first bytes were [`MAGIC`].
    fn after_magic() -> Self {
        let mut checksum = Crc::new();
        checksum.update(&MAGIC);
        Self { flags: 0, part: Part::Fixed(MAGIC.len()), length: 0, checksum }
    }

    /// Takes the next byte. Returns `true` if it was the last.
    fn take(&mut self, byte: u8) -> Result<bool, Damage> {
        let next = self.part_after(byte)?;
        if !matches!(self.part, Part::Checksum) {
            self.checksum.update(&[byte]);
        }
        self.part = self.present(next);
        Ok(matches!(self.part, Part::End))
    }

    /// Returns the part that follows `byte`.
    fn part_after(&mut self, byte: u8) -> Result<Part, Damage> {
        Ok(match self.part {
            Part::Fixed(at) => {
                match at {
                    0..3 if byte != MAGIC[at] => return Err("the data is not gzip"),
                    3 if byte & RESERVED != 0 => return Err("a reserved flag is set"),
                    3 => self.flags = byte,
                    _ => {}
                }
                if at + 1 < FIXED { Part::Fixed(at + 1) } else { Part::ExtraLength }
            }
            Part::ExtraLength => Part::ExtraLengthHigh(byte),
            Part::ExtraLengthHigh(low) => Part::Extra(u16::from_le_bytes([low, byte])),
            Part::Extra(left) => Part::Extra(left - 1),
            Part::Name | Part::Comment if byte != 0 => {
                self.length += 1;
                if self.length > MAX_FIELD {
                    return Err("a field of the header has more than 64 KiB");
                }
                self.part
            }
            Part::Name => {
                self.length = 0;
                Part::Comment
            }
            Part::Comment => Part::Checksum,
            Part::Checksum => Part::ChecksumHigh(byte),
            Part::ChecksumHigh(low) => {
                // The low half of the header's checksum.
                if u16::from_le_bytes([low, byte]) != self.checksum.sum() as u16 {
                    return Err("the checksum of the header does not match");
                }
                Part::End
            }
            Part::End => Part::End,
        })
    }

    /// Returns the first part from `next` on that the flags announce.
    fn present(&self, next: Part) -> Part {
        let mut part = next;
        loop {
            part = match part {
                Part::ExtraLength if self.flags & EXTRA == 0 => Part::Name,
                Part::Extra(0) => Part::Name,
                Part::Name if self.flags & NAME == 0 => Part::Comment,
                Part::Comment if self.flags & COMMENT == 0 => Part::Checksum,
                Part::Checksum if self.flags & HEADER_CHECKSUM == 0 => Part::End,
                part => return part,
            }
        }
    }
}
