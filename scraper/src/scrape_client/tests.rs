//! Bodies that come in pieces, packed or not, up to the limit.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn pack(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// `Ok(None)`: too large.
fn read(
    gzip: bool,
    limit: Option<u64>,
    bytes: &[u8],
    step: usize,
) -> Result<Option<Vec<u8>>, String> {
    let mut reader = BodyReader::new(gzip, limit);
    for chunk in bytes.chunks(step) {
        if !reader.push(chunk)? {
            return Ok(None);
        }
    }
    reader.finish()
}

#[test]
fn packed_bodies_are_unpacked_in_any_steps() {
    let body = "a 1\n".repeat(5000).into_bytes();
    let packed = pack(&body);
    for step in [1, 7, 1000, 1 << 20] {
        assert_eq!(read(true, None, &packed, step), Ok(Some(body.clone())));
        assert_eq!(read(false, None, &body, step), Ok(Some(body.clone())));
    }
}

#[test]
fn a_body_of_the_limit_is_too_large_and_never_held() {
    let body = vec![b'x'; 1000];
    for (limit, fits) in [(1001, true), (1000, false), (10, false)] {
        let plain = read(false, Some(limit), &body, 100).unwrap();
        let packed = read(true, Some(limit), &pack(&body), 100).unwrap();
        assert_eq!((plain.is_some(), packed.is_some()), (fits, fits), "{limit}");
    }
    let bomb = pack(&vec![0; 64 << 20]);
    let mut reader = BodyReader::new(true, Some(1 << 20));
    assert_eq!(reader.push(&bomb), Ok(false));
    let Sink::Gzip(decoder) = &reader.sink else { panic!("packed") };
    assert!(decoder.get_ref().bytes.len() <= 1 << 20);
}

#[test]
fn what_is_no_gzip_is_refused() {
    assert!(read(true, None, b"a 1\n", 100).is_err());
    let mut torn = pack(&b"a 1\n".repeat(1000));
    torn.truncate(torn.len() / 2);
    assert!(read(true, None, &torn, 100).is_err());
}
