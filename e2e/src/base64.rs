//! Base64 as Secrets have it.

/// The bytes.
///
/// # Panics
/// Where the text is not base64.
pub fn decode(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter(|byte| *byte != b'=').map(|byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{} is not base64", char::from(other)),
    });
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        held = held << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn padding_and_every_digit_are_read() {
        assert_eq!(super::decode("aGVhcnRo"), b"hearth");
        assert_eq!(super::decode("aGVhcnQ="), b"heart");
        assert_eq!(super::decode("+/8="), [0xfb, 0xff]);
    }
}
