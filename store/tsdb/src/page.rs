//! A page: up to 256 neighbouring series in one slice of time.
//!
//! `rows, time columns, one head a row, bodies`; equal time columns stand once, however many series
//! share them. Compressed as a whole with zstd. docs/formats/block.md draws the bytes.

use protocol::sample::{HistogramSample, Sample};

use crate::histogram_codec;
use crate::page_codec::{put_times, put_values, read_times, read_values, skip_times};
use crate::wire::{Malformed, Reader, put_varint};

/// Series of a page: enough to share what they have in common, few enough that reading one series
/// does not decompress a megabyte.
pub const ROWS_MAX: usize = 256;

/// Samples of one series in one page; bounds what damaged bytes can make us allocate. A writer that
/// has more cuts the page.
pub const ROW_SAMPLES_MAX: usize = 65_536;

const HAS_HISTOGRAMS: u64 = 1;

/// Collects the rows of a page.
#[derive(Debug, Default)]
pub struct PageWriter {
    times: Vec<Vec<u8>>,
    heads: Vec<u8>,
    bodies: Vec<u8>,
    rows: usize,
    scratch_times: Vec<i64>,
    scratch_values: Vec<f64>,
}

impl PageWriter {
    /// How many rows so far.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Appends empty rows until there are `rows`.
    pub fn pad_to(&mut self, rows: usize) {
        while self.rows < rows {
            put_varint(&mut self.heads, 0);
            self.rows += 1;
        }
    }

    /// Appends the samples of one series, in order of time.
    pub fn push(&mut self, samples: &[Sample], histograms: &[HistogramSample]) {
        assert!(self.rows < ROWS_MAX, "the writer begins a new page after {ROWS_MAX} rows");
        self.rows += 1;
        let column = if samples.is_empty() { 0 } else { self.column(samples) + 1 };
        let has_histograms = if histograms.is_empty() { 0 } else { HAS_HISTOGRAMS };
        put_varint(&mut self.heads, column << 1 | has_histograms);
        if !samples.is_empty() {
            self.scratch_values.clear();
            self.scratch_values.extend(samples.iter().map(|sample| sample.value));
            let before = self.bodies.len();
            put_values(&mut self.bodies, &self.scratch_values);
            put_varint(&mut self.heads, (self.bodies.len() - before) as u64);
        }
        if !histograms.is_empty() {
            let before = self.bodies.len();
            histogram_codec::encode(histograms, &mut self.bodies);
            put_varint(&mut self.heads, histograms.len() as u64);
            put_varint(&mut self.heads, (self.bodies.len() - before) as u64);
        }
    }

    fn column(&mut self, samples: &[Sample]) -> u64 {
        self.scratch_times.clear();
        self.scratch_times.extend(samples.iter().map(|sample| sample.timestamp_ms));
        let mut column = Vec::new();
        put_times(&mut column, &self.scratch_times);
        // Neighbours mostly share the newest column; at most ROWS_MAX are compared.
        if let Some(at) = self.times.iter().rposition(|known| *known == column) {
            return at as u64;
        }
        self.times.push(column);
        self.times.len() as u64 - 1
    }

    /// The finished page, not yet compressed.
    pub fn finish(&self) -> Vec<u8> {
        let times = self.times.iter().map(Vec::len).sum::<usize>();
        let mut out = Vec::with_capacity(times + self.heads.len() + self.bodies.len() + 16);
        put_varint(&mut out, self.rows as u64);
        put_varint(&mut out, self.times.len() as u64);
        self.times.iter().for_each(|column| out.extend_from_slice(column));
        out.extend_from_slice(&self.heads);
        out.extend_from_slice(&self.bodies);
        out
    }
}

/// A page that was decompressed, with the places of its rows.
#[derive(Debug)]
pub struct Page {
    bytes: Vec<u8>,
    columns: Vec<u32>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    column: Option<u32>,
    values_at: u32,
    values_len: u32,
    histograms: u32,
    histograms_len: u32,
}

impl Page {
    /// Finds the rows.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        u32::try_from(bytes.len()).map_err(|_| Malformed("a page is longer than 4 GiB"))?;
        let total = bytes.len();
        let mut reader = Reader::new(&bytes);
        let row_count = reader.count(1)?;
        if row_count > ROWS_MAX {
            return Err(Malformed("a page has too many rows"));
        }
        let column_count = reader.count(1)?;
        let mut columns = Vec::with_capacity(column_count);
        for _ in 0..column_count {
            columns.push((total - reader.rest().len()) as u32);
            skip_times(&mut reader)?;
        }
        let mut rows = Vec::with_capacity(row_count);
        for _ in 0..row_count {
            rows.push(read_head(&mut reader, column_count)?);
        }
        let mut at = total - reader.rest().len();
        for row in &mut rows {
            row.values_at = at as u32;
            at = at
                .checked_add(row.values_len as usize + row.histograms_len as usize)
                .filter(|end| *end <= total)
                .ok_or(Malformed("a row lies outside its page"))?;
        }
        if at != total {
            return Err(Malformed("bytes follow the last row of a page"));
        }
        Ok(Self { bytes, columns, rows })
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Row>() + self.columns.len() * 4
    }

    /// Appends the samples of one row that lie in the range.
    pub fn read(
        &self,
        row: usize,
        from_ms: i64,
        to_ms: i64,
        samples: &mut Vec<Sample>,
        histograms: &mut Vec<HistogramSample>,
    ) -> Result<(), Malformed> {
        let Some(row) = self.rows.get(row) else { return Ok(()) };
        let values_end = (row.values_at + row.values_len) as usize;
        if let Some(column) = row.column {
            let mut times = Vec::new();
            let at = self.columns[column as usize] as usize;
            read_times(&mut Reader::new(&self.bytes[at..]), ROW_SAMPLES_MAX, &mut times)?;
            let mut values = Vec::with_capacity(times.len());
            let mut reader = Reader::new(&self.bytes[row.values_at as usize..values_end]);
            read_values(&mut reader, times.len(), &mut values)?;
            if !reader.is_empty() {
                return Err(Malformed("bytes follow the values of a row"));
            }
            let all = times.iter().zip(&values);
            let in_range = all.filter(|(time, _)| (from_ms..=to_ms).contains(*time));
            samples.extend(in_range.map(|(&timestamp_ms, &value)| Sample { timestamp_ms, value }));
        }
        if row.histograms > 0 {
            let end = values_end + row.histograms_len as usize;
            let mut reader = Reader::new(&self.bytes[values_end..end]);
            histogram_codec::decode(&mut reader, row.histograms as usize, |sample| {
                if (from_ms..=to_ms).contains(&sample.timestamp_ms) {
                    histograms.push(sample);
                }
            })?;
        }
        Ok(())
    }
}

fn read_head(reader: &mut Reader<'_>, columns: usize) -> Result<Row, Malformed> {
    let head = reader.varint()?;
    let mut row =
        Row { column: None, values_at: 0, values_len: 0, histograms: 0, histograms_len: 0 };
    if let Some(column) = (head >> 1).checked_sub(1) {
        if column >= columns as u64 {
            return Err(Malformed("a row names a time column that is not there"));
        }
        row.column = Some(column as u32);
        row.values_len = reader.u32()?;
    }
    if head & HAS_HISTOGRAMS != 0 {
        row.histograms = reader.u32()?;
        row.histograms_len = reader.u32()?;
    }
    Ok(row)
}

#[cfg(test)]
mod tests;
