//! The collector's own metrics, as text.

use std::fmt::Write as _;

use crate::role_report::Told;
use crate::status::{CollectorStatus, Health};

/// The page of `/metrics`.
pub fn page(told: &Told, status: &CollectorStatus) -> String {
    let mut out = String::new();
    let down = status.targets.iter().filter(|target| target.health == Health::Down).count();
    let figures: [(&str, &str, &str, u64); 14] = [
        ("shards", "gauge", "Collectors that share the targets.", told.shards.into()),
        ("generation", "gauge", "The Scraper's generation in force.", told.generation as u64),
        (
            "generation_refused",
            "gauge",
            "Whether a newer generation is refused.",
            told.refused.is_some().into(),
        ),
        ("rejected_objects", "gauge", "Monitors left out.", told.rejected.len() as u64),
        ("troubles", "gauge", "What else is amiss.", told.all_troubles().count() as u64),
        ("targets", "gauge", "Targets of this collector.", status.targets.len() as u64),
        ("targets_down", "gauge", "Targets whose last scrape failed.", down as u64),
        ("targets_dropped", "gauge", "Targets dropped by relabelling.", status.dropped_count),
        ("queue_samples", "gauge", "Samples that wait in memory.", status.queue_length as u64),
        ("buffer_samples", "gauge", "Samples that wait on disk.", status.samples_on_disk),
        ("samples_sent_total", "counter", "Samples written.", status.samples_sent),
        (
            "samples_dropped_total",
            "counter",
            "Samples dropped since too many waited.",
            status.samples_dropped,
        ),
        (
            "samples_refused_total",
            "counter",
            "Samples refused by the destination.",
            status.samples_refused,
        ),
        ("write_retries_total", "counter", "Requests repeated.", status.write_retries),
    ];
    for (name, kind, help, value) in figures {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "# HELP hearth_collector_{name} {help}\n# TYPE hearth_collector_{name} {kind}\n\
             hearth_collector_{name} {value}"
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_one_that_the_scraper_itself_reads() {
        let status = CollectorStatus { samples_dropped: 7, ..CollectorStatus::default() };
        let text = page(&Told { generation: 3, ..Told::default() }, &status);
        let mut parser =
            crate::exposition_parser::Parser::new(crate::exposition::Dialect::Text, &text);
        let mut samples = 0;
        while let Some(entry) = parser.next_entry().expect("it reads") {
            samples += usize::from(matches!(entry, crate::exposition::Entry::Sample(_)));
        }
        assert_eq!(samples, 14);
        assert!(text.contains("hearth_collector_samples_dropped_total 7\n"), "{text}");
    }
}
