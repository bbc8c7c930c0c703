//! Answers of queries as JSON, to Prometheus's letter.
//!
//! Written by hand into one buffer: a range query may hold millions of points.

use promql::value::{MatrixSeries, PointValue, Value, VectorSample};
use protocol::histogram::FloatHistogram;
use protocol::labels::Labels;
use protocol::sample::{HistogramSample, Sample};
use serde_json::json;

use crate::http::float::{write_float, write_time};

/// Warnings that are told one by one, and infos; Prometheus has the same bound.
const ANNOTATIONS_MAX: usize = 10;

/// What goes around the data of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// Warnings.
    pub warnings: Vec<String>,
    /// Infos.
    pub infos: Vec<String>,
}

/// A successful answer around data that is JSON already.
pub fn envelope(data: &[u8], notes: &Notes) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 64);
    out.extend_from_slice(br#"{"status":"success","data":"#);
    out.extend_from_slice(data);
    for (name, noun, list) in
        [("warnings", "warning", &notes.warnings), ("infos", "info", &notes.infos)]
    {
        if list.is_empty() {
            continue;
        }
        let mut shown: Vec<_> = list.iter().take(ANNOTATIONS_MAX).cloned().collect();
        if list.len() > ANNOTATIONS_MAX {
            let more = list.len() - ANNOTATIONS_MAX;
            shown.push(format!("{more} more {noun} annotations omitted"));
        }
        out.extend_from_slice(format!(",\"{name}\":{}", json!(shown)).as_bytes());
    }
    out.push(b'}');
    out
}

/// The data of a query: type, result and, where wanted, statistics.
pub fn query_data(value: &Value, stats: Option<&serde_json::Value>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let kind = match value {
        Value::Scalar(_) => "scalar",
        Value::String { .. } => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    };
    out.extend_from_slice(format!("{{\"resultType\":\"{kind}\",\"result\":").as_bytes());
    match value {
        Value::Scalar(sample) => write_sample(&mut out, sample),
        Value::String { timestamp_ms, text } => {
            out.push(b'[');
            write_time(&mut out, *timestamp_ms);
            out.push(b',');
            write_text(&mut out, text);
            out.push(b']');
        }
        Value::Vector(samples) => write_list(&mut out, samples, write_vector_sample),
        Value::Matrix(series) => write_list(&mut out, series, write_series),
    }
    if let Some(stats) = stats {
        out.extend_from_slice(format!(",\"stats\":{stats}").as_bytes());
    }
    out.push(b'}');
    out
}

/// `{"name":"value",...}` in order of the names.
pub fn write_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(out, name);
        out.push(b':');
        write_text(out, value);
    }
    out.push(b'}');
}

/// A JSON string.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a vector takes all bytes");
}

/// `[a,b,...]`.
pub fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn write_vector_sample(out: &mut Vec<u8>, sample: &VectorSample) {
    out.extend_from_slice(br#"{"metric":"#);
    write_labels(out, &sample.labels);
    match &sample.value {
        PointValue::Float(value) => {
            out.extend_from_slice(br#","value":"#);
            write_sample(out, &Sample { timestamp_ms: sample.timestamp_ms, value: *value });
        }
        PointValue::Histogram(histogram) => {
            out.extend_from_slice(br#","histogram":"#);
            write_histogram_point(out, sample.timestamp_ms, histogram);
        }
    }
    out.push(b'}');
}

fn write_series(out: &mut Vec<u8>, series: &MatrixSeries) {
    out.extend_from_slice(br#"{"metric":"#);
    write_labels(out, &series.labels);
    if !series.floats.is_empty() {
        out.extend_from_slice(br#","values":"#);
        write_list(out, &series.floats, write_sample);
    }
    if !series.histograms.is_empty() {
        out.extend_from_slice(br#","histograms":"#);
        write_list(out, &series.histograms, |out, point: &HistogramSample| {
            write_histogram_point(out, point.timestamp_ms, &point.histogram);
        });
    }
    out.push(b'}');
}

fn write_sample(out: &mut Vec<u8>, sample: &Sample) {
    out.push(b'[');
    write_time(out, sample.timestamp_ms);
    out.push(b',');
    write_quoted_float(out, sample.value);
    out.push(b']');
}

fn write_histogram_point(out: &mut Vec<u8>, timestamp_ms: i64, histogram: &FloatHistogram) {
    out.push(b'[');
    write_time(out, timestamp_ms);
    out.push(b',');
    write_histogram(out, histogram);
    out.push(b']');
}

/// Count, sum, and the buckets that hold something.
pub fn write_histogram(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    out.extend_from_slice(br#"{"count":"#);
    write_quoted_float(out, histogram.count);
    out.extend_from_slice(br#","sum":"#);
    write_quoted_float(out, histogram.sum);
    let buckets: Vec<_> =
        histogram.all_buckets().into_iter().filter(|bucket| bucket.count != 0.0).collect();
    if !buckets.is_empty() {
        out.extend_from_slice(br#","buckets":"#);
        write_list(out, &buckets, |out, bucket| {
            let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => b'0',
                (true, false) => b'1',
                (false, false) => b'2',
                (true, true) => b'3',
            };
            out.extend_from_slice(&[b'[', rule]);
            for number in [bucket.lower, bucket.upper, bucket.count] {
                out.push(b',');
                write_quoted_float(out, number);
            }
            out.push(b']');
        });
    }
    out.push(b'}');
}

fn write_quoted_float(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    write_float(out, value);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use protocol::histogram::Span;

    use super::*;

    fn data(value: &Value) -> String {
        String::from_utf8(query_data(value, None)).expect("JSON is UTF-8")
    }

    fn sample(timestamp_ms: i64, value: f64) -> Sample {
        Sample { timestamp_ms, value }
    }

    #[test]
    fn each_type_has_its_shape() {
        let labels = Labels::from_pairs([("__name__", "up"), ("a", "x\"y")]);
        let vector = Value::Vector(vec![VectorSample {
            labels: labels.clone(),
            timestamp_ms: 1500,
            value: PointValue::Float(0.5),
        }]);
        let matrix = Value::Matrix(vec![MatrixSeries {
            labels,
            floats: vec![sample(0, 1.0), sample(1000, f64::INFINITY)],
            histograms: vec![],
        }]);
        let text = Value::String { timestamp_ms: 1, text: "a\nb".into() };
        for (value, wanted) in [
            (Value::Scalar(sample(1000, 2.0)), r#"{"resultType":"scalar","result":[1,"2"]}"#),
            (text, r#"{"resultType":"string","result":[0.001,"a\nb"]}"#),
            (
                vector,
                r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","a":"x\"y"},"value":[1.500,"0.5"]}]}"#,
            ),
            (
                matrix,
                r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up","a":"x\"y"},"values":[[0,"1"],[1,"+Inf"]]}]}"#,
            ),
        ] {
            assert_eq!(data(&value), wanted);
        }
    }

    #[test]
    fn histograms_tell_their_full_buckets() {
        let histogram = FloatHistogram {
            schema: 0,
            count: 4.0,
            sum: 10.0,
            zero_threshold: 0.001,
            zero_count: 1.0,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive_buckets: vec![3.0, 0.0],
            ..FloatHistogram::default()
        };
        let value = Value::Vector(vec![VectorSample {
            labels: Labels::empty(),
            timestamp_ms: 0,
            value: PointValue::Histogram(Arc::new(histogram)),
        }]);
        let wanted = concat!(
            r#"{"resultType":"vector","result":[{"metric":{},"histogram":[0,{"count":"4","#,
            r#""sum":"10","buckets":[[3,"-0.001","0.001","1"],[0,"0.5","1","3"]]}]}]}"#
        );
        assert_eq!(data(&value), wanted);
    }

    #[test]
    fn long_lists_of_notes_are_cut() {
        let warnings = (0..12).map(|n| format!("w{n}")).collect();
        let notes = Notes { warnings, infos: vec!["i".into()] };
        let text = String::from_utf8(envelope(b"[]", &notes)).expect("JSON is UTF-8");
        assert!(text.contains(r#""w9","2 more warning annotations omitted"]"#), "{text}");
        assert!(text.ends_with(r#","infos":["i"]}"#), "{text}");
        assert_eq!(envelope(b"1", &Notes::default()), br#"{"status":"success","data":1}"#);
    }
}
