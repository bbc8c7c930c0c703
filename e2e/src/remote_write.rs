//! Remote write 1.0 bodies, written by hand: nothing of ours.

/// One series: its labels, and its samples as (milliseconds, value).
pub type Series<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// The body of one request, compressed.
pub fn body(series: &[Series<'_>]) -> Vec<u8> {
    let mut message = Vec::new();
    for (labels, samples) in series {
        let mut one = Vec::new();
        for (name, value) in *labels {
            let mut label = Vec::new();
            field(&mut label, 1, name.as_bytes());
            field(&mut label, 2, value.as_bytes());
            field(&mut one, 1, &label);
        }
        for (time, value) in *samples {
            let mut sample = vec![0x09];
            sample.extend_from_slice(&value.to_le_bytes());
            sample.push(0x10);
            varint(&mut sample, *time as u64);
            field(&mut one, 2, &sample);
        }
        field(&mut message, 1, &one);
    }
    snap::raw::Encoder::new().compress_vec(&message).expect("far below 4 GiB")
}

fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
