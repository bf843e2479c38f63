//! Host names in their `xn--` form, decoded (RFC 3492).

const PREFIX: &str = "xn--";

/// Returns a host name with its `xn--` labels decoded. A label that cannot be decoded stays as it is.
pub(super) fn decoded_host(host: &str) -> String {
    let labels = host.split('.').map(|label| {
        label.strip_prefix(PREFIX).and_then(decoded).unwrap_or_else(|| label.to_owned())
    });
    labels.collect::<Vec<_>>().join(".")
}

/// Decodes a label without its prefix.
fn decoded(label: &str) -> Option<String> {
    let (basic, digits) = label.rsplit_once('-').unwrap_or(("", label));
    let mut output: Vec<char> = basic.chars().collect();
    let (mut code, mut bias, mut index) = (128u32, 72u32, 0u32);
    let mut digits = digits.bytes().peekable();
    while digits.peek().is_some() {
        let before = index;
        let mut weight = 1u32;
        for k in (36u32..).step_by(36) {
            let digit = digit(digits.next()?)?;
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(36 - threshold)?;
        }
        let length = u32::try_from(output.len()).ok()? + 1;
        bias = adapted(index - before, length, before == 0);
        code = code.checked_add(index / length)?;
        index %= length;
        output.insert(index as usize, char::from_u32(code)?);
        index += 1;
    }
    Some(output.into_iter().collect())
}

fn digit(byte: u8) -> Option<u32> {
    match byte {
        b'a'..=b'z' => Some(u32::from(byte - b'a')),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 26),
        _ => None,
    }
}

/// The bias of the next character (RFC 3492 section 6.1).
fn adapted(delta: u32, length: u32, is_first: bool) -> u32 {
    let mut delta = delta / if is_first { 700 } else { 2 };
    delta += delta / length;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c11_names_beyond_ascii_are_decoded() {
        for (host, expected) in [
            ("xn--85x722f.xn--55qx5d.cn", "食狮.公司.cn"),
            ("xn--bcher-kva.example", "bücher.example"),
            ("xn--e1afmkfd.xn--p1ai", "пример.рф"),
            ("xn--ls8h", "💩"),
            ("plain.example", "plain.example"),
            // These are no names.
            ("xn--", ""),
            ("xn--a-\u{e9}", "xn--a-\u{e9}"),
            ("xn--99999999999", "xn--99999999999"),
            ("xn--a!b", "xn--a!b"),
        ] {
            assert_eq!(decoded_host(host), expected, "{host}");
        }
    }
}
