//! A picture of a telephone handset on a red disc, drawn for each request.

use std::io::{self, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// Width and height, in pixels.
const SIZE: u32 = 96;

const RED: [u8; 3] = [201, 42, 42];
const WHITE: [u8; 3] = [255, 255, 255];

/// Returns the picture as a PNG with eight bits a colour, no palette and no filters.
pub(crate) fn png() -> io::Result<Vec<u8>> {
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for y in 0..SIZE {
        rows.write_all(&[0])?; // This row has no filter.
        for x in 0..SIZE {
            rows.write_all(&colour(x, y))?;
        }
    }
    let size = SIZE.to_be_bytes();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, b"IHDR", &[&size[..], &size, &[8, 2, 0, 0, 0]].concat());
    chunk(&mut png, b"IDAT", &rows.finish()?);
    chunk(&mut png, b"IEND", &[]);
    Ok(png)
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    png.extend((data.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(data);
    png.extend(sum.sum().to_be_bytes());
}

fn colour(x: u32, y: u32) -> [u8; 3] {
    // The doubled distance from the centre, so that the centre of a pixel is a whole number.
    let (x, y) = ((2 * x + 1) as i32 - 96, (2 * y + 1) as i32 - 96);
    let within = |x: i32, y: i32, radius: i32| x * x + y * y < radius * radius;
    if !within(x, y, 92) || is_handset(x, y) { WHITE } else { RED }
}

/// Returns `true` within the handset: an arch with a block at each end.
fn is_handset(x: i32, y: i32) -> bool {
    let squared = x * x + (y - 40) * (y - 40);
    let arch = (48 * 48..72 * 72).contains(&squared) && y < 8;
    let end = (40..74).contains(&x.abs()) && (2..26).contains(&y);
    arch || end
}
