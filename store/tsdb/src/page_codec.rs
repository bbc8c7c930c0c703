//! Columns of a page: timestamps and values of one series each.
//!
//! The page is compressed as a whole afterwards, so columns aim at being alike, not at being short:
//! whole numbers as varints of their steps. A value column is tried as a decimal, then as its steps
//! or the steps of its steps; what is no short decimal stands aside as an exception.

use crate::decimal;
use crate::wire::{Malformed, Reader, put_f64, put_signed, put_varint, zigzag};

const CONSTANT: u8 = 0;
const STEPS: u8 = 1;
const STEPS_OF_STEPS: u8 = 2;
const XOR: u8 = 3;

/// Appends a column of growing timestamps.
pub fn put_times(out: &mut Vec<u8>, times: &[i64]) {
    put_varint(out, times.len() as u64);
    let Some((&first, rest)) = times.split_first() else { return };
    put_signed(out, first);
    let (mut last, mut distance) = (first, 0i64);
    let mut changes = rest
        .iter()
        .map(|&time| {
            let next = time.wrapping_sub(last);
            let change = next.wrapping_sub(distance);
            (last, distance) = (time, next);
            change
        })
        .peekable();
    while let Some(change) = changes.next() {
        let mut run = 1u64;
        while changes.next_if_eq(&change).is_some() {
            run += 1;
        }
        put_signed(out, change);
        put_varint(out, run);
    }
}

/// Reads what [`put_times`] wrote. `count_max` bounds what damaged bytes can make us allocate.
pub fn read_times(
    reader: &mut Reader<'_>,
    count_max: usize,
    out: &mut Vec<i64>,
) -> Result<(), Malformed> {
    let count = reader.varint()?;
    if count > count_max as u64 {
        return Err(Malformed("a time column is too long"));
    }
    let mut left = count;
    if left == 0 {
        return Ok(());
    }
    let mut time = reader.signed()?;
    let mut distance = 0i64;
    out.push(time);
    left -= 1;
    while left > 0 {
        let change = reader.signed()?;
        let run = reader.varint()?;
        if run == 0 || run > left {
            return Err(Malformed("a run of timestamps is of wrong length"));
        }
        for _ in 0..run {
            distance = distance.wrapping_add(change);
            time = time.wrapping_add(distance);
            out.push(time);
        }
        left -= run;
    }
    Ok(())
}

/// Skips what [`put_times`] wrote, checking no more than its shape.
pub fn skip_times(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let mut left = reader.varint()?;
    if left == 0 {
        return Ok(());
    }
    reader.signed()?;
    left -= 1;
    while left > 0 {
        reader.signed()?;
        let run = reader.varint()?;
        if run == 0 || run > left {
            return Err(Malformed("a run of timestamps is of wrong length"));
        }
        left -= run;
    }
    Ok(())
}

/// Appends a column of values, at least one.
pub fn put_values(out: &mut Vec<u8>, values: &[f64]) {
    let bits = values[0].to_bits();
    if values.iter().all(|value| value.to_bits() == bits) {
        out.push(CONSTANT);
        return put_f64(out, values[0]);
    }
    match Decimals::of(values) {
        Some(decimals) => decimals.put(out),
        None => put_xor(out, values),
    }
}

/// Reads `count` values.
pub fn read_values(
    reader: &mut Reader<'_>,
    count: usize,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    match reader.byte()? {
        CONSTANT => {
            let value = reader.f64()?;
            out.resize(out.len() + count, value);
            Ok(())
        }
        STEPS => read_decimals(reader, count, false, out),
        STEPS_OF_STEPS => read_decimals(reader, count, true, out),
        XOR => read_xor(reader, count, out),
        _ => Err(Malformed("a value column is of no known kind")),
    }
}

struct Decimals {
    exponent: u8,
    wholes: Vec<i64>,
    exceptions: Vec<(usize, f64)>,
}

impl Decimals {
    // None where more than a quarter of the values are no short decimals.
    fn of(values: &[f64]) -> Option<Self> {
        let exceptions_max = values.len() / 4;
        let mut exponent = 0;
        let mut misses = 0;
        for &value in values {
            if decimal::to_whole(value, exponent).is_some() {
                continue;
            }
            match decimal::find_exponent(value, exponent) {
                Some(found) => exponent = found,
                None => misses += 1,
            }
            if misses > exceptions_max {
                return None;
            }
        }
        let mut decimals =
            Self { exponent, wholes: Vec::with_capacity(values.len()), exceptions: Vec::new() };
        for (at, &value) in values.iter().enumerate() {
            match decimal::to_whole(value, exponent) {
                Some(whole) => decimals.wholes.push(whole),
                None => decimals.exceptions.push((at, value)),
            }
        }
        (decimals.exceptions.len() <= exceptions_max).then_some(decimals)
    }

    fn put(&self, out: &mut Vec<u8>) {
        let len = |changes: &mut dyn Iterator<Item = i64>| -> u64 {
            changes.map(|change| u64::from(64 - zigzag(change).leading_zeros()) + 1).sum()
        };
        let once = len(&mut steps(&self.wholes));
        let twice = len(&mut steps_of_steps(&self.wholes));
        out.push(if twice < once { STEPS_OF_STEPS } else { STEPS });
        out.push(self.exponent);
        put_varint(out, self.exceptions.len() as u64);
        let mut before = 0;
        for (at, value) in &self.exceptions {
            put_varint(out, (at - before) as u64);
            put_f64(out, *value);
            before = *at;
        }
        if twice < once {
            steps_of_steps(&self.wholes).for_each(|change| put_signed(out, change));
        } else {
            steps(&self.wholes).for_each(|change| put_signed(out, change));
        }
    }
}

fn steps(wholes: &[i64]) -> impl Iterator<Item = i64> {
    let mut last = 0;
    wholes.iter().map(move |whole| {
        let step = whole - last;
        last = *whole;
        step
    })
}

fn steps_of_steps(wholes: &[i64]) -> impl Iterator<Item = i64> {
    let mut last = 0;
    // The first step leads from 0 to the first value and says nothing of the second.
    steps(wholes).enumerate().map(move |(at, step)| {
        let change = step - last;
        last = if at == 0 { 0 } else { step };
        change
    })
}

fn read_decimals(
    reader: &mut Reader<'_>,
    count: usize,
    twice: bool,
    out: &mut Vec<f64>,
) -> Result<(), Malformed> {
    let exponent = reader.byte()?;
    if exponent > decimal::EXPONENT_MAX {
        return Err(Malformed("a decimal exponent is out of range"));
    }
    let exceptions = reader.count(9)?;
    if exceptions > count {
        return Err(Malformed("a value column has too many exceptions"));
    }
    let mut others = Vec::with_capacity(exceptions);
    let mut at = 0usize;
    for _ in 0..exceptions {
        let gap = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
        at = at.saturating_add(gap);
        others.push((at, reader.f64()?));
    }
    let mut others = others.into_iter().peekable();
    let (mut whole, mut step) = (0i64, 0i64);
    let mut first = true;
    for at in 0..count {
        if let Some((_, value)) = others.next_if(|(other, _)| *other == at) {
            out.push(value);
            continue;
        }
        let change = reader.signed()?;
        step = if twice { step.wrapping_add(change) } else { change };
        whole = whole.wrapping_add(step);
        if first {
            (first, step) = (false, 0);
        }
        out.push(decimal::from_whole(whole, exponent));
    }
    others.next().map_or(Ok(()), |_| Err(Malformed("an exception lies outside its column")))
}

// A byte that counts, then the changed bytes: low ones where it is below 8, else high ones.
fn put_xor(out: &mut Vec<u8>, values: &[f64]) {
    out.push(XOR);
    let mut last = 0u64;
    for value in values {
        let xor = value.to_bits() ^ last;
        last = value.to_bits();
        let little = xor.to_le_bytes();
        let (leading, trailing) = (xor.leading_zeros() / 8, xor.trailing_zeros() / 8);
        if leading >= trailing {
            let len = 8 - leading as usize;
            out.push(len as u8);
            out.extend_from_slice(&little[..len]);
        } else {
            let len = 8 - trailing as usize;
            out.push(0x10 | len as u8);
            out.extend_from_slice(&little[8 - len..]);
        }
    }
}

fn read_xor(reader: &mut Reader<'_>, count: usize, out: &mut Vec<f64>) -> Result<(), Malformed> {
    let mut bits = 0u64;
    for _ in 0..count {
        let head = reader.byte()?;
        let len = usize::from(head & 0x0f);
        if len > 8 || head > 0x18 {
            return Err(Malformed("a changed value has more than eight bytes"));
        }
        let mut little = [0; 8];
        let at = if head & 0x10 == 0 { 0 } else { 8 - len };
        little[at..at + len].copy_from_slice(reader.take(len)?);
        bits ^= u64::from_le_bytes(little);
        out.push(f64::from_bits(bits));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
