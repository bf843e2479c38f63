//! Searching the delimiter in the content of a part.

/// The text `LF--boundary`, prepared for the search.
///
/// The search is Horspool's: it looks at one byte in as many as the text is long, in most content. Only the
/// first byte of the text is a line feed, so no two attempts compare the same bytes, and hostile content
/// costs a constant number of steps a byte.
pub(super) struct Needle {
    text: Vec<u8>,
    /// How far the search may step if its window ends in this byte. 0 for the last byte of the text.
    steps: [u8; 256],
    /// The step after a window that ends in the last byte of the text.
    last_step: usize,
}

impl Needle {
    /// `boundary` has at most 70 characters.
    pub(super) fn new(boundary: &[u8]) -> Self {
        let text = [b"\n--", boundary].concat();
        let length = u8::try_from(text.len()).expect("a boundary of at most 70 characters");
        let (last, before) = text.split_last().expect("a text that is not empty");
        let mut steps = [length; 256];
        for (step, byte) in (1..length).rev().zip(before) {
            steps[usize::from(*byte)] = step;
        }
        let last_step = usize::from(std::mem::replace(&mut steps[usize::from(*last)], 0));
        Self { text, steps, last_step }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns `--boundary`.
    pub(super) fn after_line_feed(&self) -> &[u8] {
        &self.text[1..]
    }

    /// Returns the first place of the text in `data`.
    pub(super) fn find(&self, data: &[u8]) -> Option<usize> {
        let last = self.text.len() - 1;
        let mut at = last;
        while let Some(byte) = data.get(at) {
            match self.steps[usize::from(*byte)] {
                0 if data[at - last..=at] == *self.text => return Some(at - last),
                0 => at += self.last_step,
                step => at += usize::from(step),
            }
        }
        None
    }

    /// Returns the length of the end of `data` with which the text may begin. `data` does not contain it.
    pub(super) fn overlap(&self, data: &[u8]) -> usize {
        let end = &data[data.len().saturating_sub(self.text.len() - 1)..];
        let line_feed = end.iter().rposition(|byte| *byte == b'\n');
        line_feed
            .map(|at| &end[at..])
            .filter(|end| self.text.starts_with(end))
            .map_or(0, <[u8]>::len)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h04_the_search_finds_the_first_place() {
        for boundary in ["b", "--", "aaaa", "abab", "ab--ab", "x\n"] {
            let needle = Needle::new(boundary.as_bytes());
            let text = format!("\n--{boundary}");
            // Every text of the needle's letters that is a little longer.
            let letters: Vec<char> = "\nab-x".chars().collect();
            let count = letters.len() as u64;
            for seed in 0..4000 {
                let mut rest = u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15);
                let mut data = String::new();
                for _ in 0..12 {
                    data.push(letters[(rest % count) as usize]);
                    rest /= count;
                }
                if seed % 3 == 0 {
                    data.insert_str((seed % 12) as usize, &text);
                }
                let found = needle.find(data.as_bytes());
                assert_eq!(found, data.find(&text), "{boundary:?} in {data:?}");
                if found.is_none() && !boundary.contains('\n') {
                    let overlap = (1..text.len()).rev().find(|n| data.ends_with(&text[..*n]));
                    assert_eq!(needle.overlap(data.as_bytes()), overlap.unwrap_or(0), "{data:?}");
                }
            }
        }
    }
}
