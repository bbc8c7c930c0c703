//! Protobuf's wire format: a reader that cannot run over.

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message ends inside a field.
    #[error("message ends inside a field")]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("varint is longer than ten bytes")]
    LongVarint,
    /// Field number 0 or a wire type that does not exist.
    #[error("invalid tag {0}")]
    Tag(u64),
    /// A known field with another wire type than its own.
    #[error("field {field} has wire type {found}")]
    WireType {
        /// The field's number.
        field: u32,
        /// The type it came with.
        found: u8,
    },
    /// A string that is no UTF-8.
    #[error("field {0} is not valid UTF-8")]
    Utf8(u32),
    /// A reference to a symbol that is not there.
    #[error("symbol {reference} is out of range, the request has {symbols} symbols")]
    Symbol {
        /// The index.
        reference: u32,
        /// How many there are.
        symbols: usize,
    },
    /// An odd number of label references, or another broken invariant of the message.
    #[error("{0}")]
    Shape(&'static str),
}

/// A field's value as it lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Raw<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u32,
    /// Its value.
    pub raw: Raw<'a>,
}

impl<'a> Field<'a> {
    fn wrong<T>(&self) -> Result<T, WireError> {
        let found = match self.raw {
            Raw::Varint(_) => 0,
            Raw::Fixed64(_) => 1,
            Raw::Bytes(_) => 2,
            Raw::Fixed32(_) => 5,
        };
        Err(WireError::WireType { field: self.number, found })
    }

    /// As an unsigned number.
    pub fn uint(&self) -> Result<u64, WireError> {
        if let Raw::Varint(value) = self.raw { Ok(value) } else { self.wrong() }
    }

    /// As an `int64`.
    pub fn int(&self) -> Result<i64, WireError> {
        self.uint().map(|value| value as i64)
    }

    /// As a zig-zag coded number.
    pub fn sint(&self) -> Result<i64, WireError> {
        self.uint().map(unzigzag)
    }

    /// As a `double`, bit for bit.
    pub fn double(&self) -> Result<f64, WireError> {
        if let Raw::Fixed64(bits) = self.raw { Ok(f64::from_bits(bits)) } else { self.wrong() }
    }

    /// As bytes or an embedded message.
    pub fn bytes(&self) -> Result<&'a [u8], WireError> {
        if let Raw::Bytes(bytes) = self.raw { Ok(bytes) } else { self.wrong() }
    }

    /// As text.
    pub fn text(&self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8(self.number))
    }

    /// Calls `visit` for each number of a repeated varint field, packed or not.
    pub fn each_uint(&self, mut visit: impl FnMut(u64)) -> Result<(), WireError> {
        match self.raw {
            Raw::Varint(value) => visit(value),
            Raw::Bytes(bytes) => {
                let mut reader = Reader::new(bytes);
                while !reader.is_empty() {
                    visit(reader.varint()?);
                }
            }
            Raw::Fixed64(_) | Raw::Fixed32(_) => return self.wrong(),
        }
        Ok(())
    }

    /// Calls `visit` for each number of a repeated double field, packed or not.
    pub fn each_double(&self, mut visit: impl FnMut(f64)) -> Result<(), WireError> {
        match self.raw {
            Raw::Fixed64(bits) => visit(f64::from_bits(bits)),
            Raw::Bytes(bytes) => {
                let (chunks, rest) = bytes.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(WireError::Truncated);
                }
                for chunk in chunks {
                    visit(f64::from_le_bytes(*chunk));
                }
            }
            Raw::Varint(_) | Raw::Fixed32(_) => return self.wrong(),
        }
        Ok(())
    }
}

/// Walks the fields of one message.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over a whole message.
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field; `None` at the end.
    pub fn field(&mut self) -> Result<Option<Field<'a>>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::Tag(tag))?;
        if number == 0 {
            return Err(WireError::Tag(tag));
        }
        let raw = match tag & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = self.varint()?;
                Raw::Bytes(self.take(usize::try_from(len).map_err(|_| WireError::Truncated)?)?)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(WireError::Tag(tag)),
        };
        Ok(Some(Field { number, raw }))
    }

    /// The next varint.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for (at, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { WireError::Truncated } else { WireError::LongVarint })
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends the tag of a field.
pub fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    put_varint(out, u64::from(number) << 3 | u64::from(wire_type));
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a varint field; the default 0 is left out, as proto3 does.
pub fn put_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_tag(out, number, 0);
        put_varint(out, value);
    }
}

/// Appends a zig-zag coded field.
pub fn put_sint(out: &mut Vec<u8>, number: u32, value: i64) {
    put_uint(out, number, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a `double` field; left out only where its bits are those of 0.0, so that -0.0 survives.
pub fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    if value.to_bits() != 0 {
        put_tag(out, number, 1);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a field of bytes, even an empty one.
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends an embedded message that `write` writes.
pub fn put_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    // Messages here are short: reserve one length byte, widen it where that was too little.
    put_tag(out, number, 2);
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let mut prefix = Vec::with_capacity(5);
        put_varint(&mut prefix, len as u64);
        out.splice(at..=at, prefix);
    }
}

/// Appends a packed repeated varint field, nothing where there are no values.
pub fn put_packed(out: &mut Vec<u8>, number: u32, values: impl Iterator<Item = u64> + Clone) {
    if values.clone().next().is_some() {
        put_message(out, number, |out| values.for_each(|value| put_varint(out, value)));
    }
}

/// Appends a packed repeated double field, nothing where there are no values.
pub fn put_packed_doubles(out: &mut Vec<u8>, number: u32, values: &[f64]) {
    if !values.is_empty() {
        put_tag(out, number, 2);
        put_varint(out, values.len() as u64 * 8);
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}
