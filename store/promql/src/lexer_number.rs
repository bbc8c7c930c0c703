//! Where a number or a duration ends.
//!
//! Only the extent is found here; the value is read later, so that errors can name the whole word.

/// How many bytes at the start of `text` form a number: decimal, hexadecimal, with underscores or
/// an exponent. `Err` holds how many bytes were looked at before it turned out to be none.
pub fn scan_number(text: &[u8]) -> Result<usize, usize> {
    let mut scan = Scan { text, at: 0 };
    let hex = scan.accept(|byte| byte == b'0') && scan.accept(|byte| matches!(byte, b'x' | b'X'));
    if hex {
        scan.accept(|byte| byte == b'_');
    }
    let digit = |byte: u8| if hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    // A dot here is not counted, as in Prometheus: `0.1.2` is one malformed number.
    scan.accept(|byte| byte == b'.');
    scan.accept(digit);
    let (mut dots, mut exponents) = (0, 0);
    while let Some(byte) = scan.peek() {
        match byte {
            b'.' => {
                dots += 1;
                scan.at += 1;
                if dots > 1 || hex || scan.accept(|byte| matches!(byte, b'_' | b'.')) {
                    return Err(scan.at);
                }
            }
            // In hexadecimal `e` is a digit.
            b'e' | b'E' if !hex => {
                exponents += 1;
                scan.at += 1;
                if exponents > 1 {
                    return Err(scan.at);
                }
                scan.accept(|byte| matches!(byte, b'+' | b'-'));
                scan.separator_end()?;
            }
            b'_' => {
                scan.at += 1;
                scan.separator_end()?;
            }
            byte if digit(byte) => scan.at += 1,
            _ => break,
        }
    }
    let ends = !scan.peek().is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    if scan.at > 0 && ends { Ok(scan.at) } else { Err(scan.at) }
}

/// How many bytes at the start of `text` form a duration whose first digits end at `seen`. `Err`
/// holds how many bytes were looked at.
pub fn scan_duration_rest(text: &[u8], seen: usize) -> Result<usize, usize> {
    let mut scan = Scan { text, at: seen };
    if !scan.accept(|byte| b"smhdwy".contains(&byte)) {
        return Err(scan.at);
    }
    // `ms`; wrong units like `hs` are found when the duration is read.
    scan.accept(|byte| byte == b's');
    while scan.accept(|byte| byte.is_ascii_digit()) {
        while scan.accept(|byte| byte.is_ascii_digit()) {}
        if !scan.accept(|byte| b"smhdw".contains(&byte)) {
            return Err(scan.at);
        }
        scan.accept(|byte| byte == b's');
    }
    match scan.peek() {
        Some(byte) if byte == b'_' || byte.is_ascii_alphanumeric() => Err(scan.at + 1),
        _ => Ok(scan.at),
    }
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn accept(&mut self, fits: impl Fn(u8) -> bool) -> bool {
        let fits = self.peek().is_some_and(fits);
        self.at += usize::from(fits);
        fits
    }

    /// What may not follow an underscore or an exponent.
    fn separator_end(&mut self) -> Result<(), usize> {
        let wrong = self.accept(|byte| matches!(byte, b'.' | b'_' | b'e' | b'E'));
        if wrong || self.peek().is_none() { Err(self.at) } else { Ok(()) }
    }
}
