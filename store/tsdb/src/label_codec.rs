//! Label sets as bytes: each text once, then by number.

use std::collections::HashMap;

use compact_str::CompactString;
use protocol::labels::{Label, Labels};

use crate::wire::{Malformed, Reader, put_text, put_varint};

/// Remembers the texts written so far.
#[derive(Debug, Default)]
pub struct LabelWriter {
    texts: HashMap<CompactString, u64>,
}

impl LabelWriter {
    /// Appends a label set: how many labels, then name and value of each.
    pub fn put(&mut self, out: &mut Vec<u8>, labels: &Labels) {
        put_varint(out, labels.len() as u64);
        for label in labels.as_slice() {
            self.put_text(out, &label.name);
            self.put_text(out, &label.value);
        }
    }

    // 0 and the text where it is new, else its number, from 1.
    fn put_text(&mut self, out: &mut Vec<u8>, text: &CompactString) {
        if let Some(number) = self.texts.get(text) {
            return put_varint(out, *number);
        }
        self.texts.insert(text.clone(), self.texts.len() as u64 + 1);
        out.push(0);
        put_text(out, text);
    }
}

/// Remembers the texts read so far.
#[derive(Debug, Default)]
pub struct LabelReader<'a> {
    texts: Vec<&'a str>,
}

impl<'a> LabelReader<'a> {
    /// Reads a label set.
    pub fn read(&mut self, reader: &mut Reader<'a>) -> Result<Labels, Malformed> {
        let count = reader.count(2)?;
        let mut labels = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.text(reader)?.into();
            labels.push(Label { name, value: self.text(reader)?.into() });
        }
        Labels::from_sorted(labels).ok_or(Malformed("labels are not sorted, unique and full"))
    }

    fn text(&mut self, reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
        let number = reader.varint()?;
        if number == 0 {
            let text = reader.text()?;
            self.texts.push(text);
            return Ok(text);
        }
        let at = usize::try_from(number - 1).unwrap_or(usize::MAX);
        self.texts.get(at).copied().ok_or(Malformed("a text is not known yet"))
    }
}
