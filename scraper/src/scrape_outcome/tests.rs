//! Scrape after scrape of one target: values, ends, limits.

use proptest::prelude::*;
use protocol::labels::Labels;
use protocol::relabel::RelabelConfig;
use protocol::sample::{MetricType, is_stale_nan};
use protocol::scrape_config_resolve::ScrapeLimits;

use super::*;

fn rules() -> ScrapeRules {
    ScrapeRules {
        labels: LabelRules {
            target: Labels::from_pairs([("instance", "i"), ("job", "j")]),
            ..LabelRules::default()
        },
        honor_timestamps: true,
        ..ScrapeRules::default()
    }
}

fn relabel(yaml: &str) -> protocol::relabel::RelabelRule {
    let config: RelabelConfig = protocol::yaml::parse(yaml).expect("a valid rule");
    config.compile(false).expect("a usable rule")
}

fn body(text: &str) -> Answer {
    Answer::Body(text.as_bytes().to_vec(), Dialect::Text)
}

/// What a scrape yields beside the report series, as `series value@time`.
fn exposed(outcome: &Outcome) -> Vec<String> {
    let is_report = |name: &str| name == "up" || name.starts_with("scrape_");
    let samples = outcome.samples.iter().filter(|s| !is_report(s.labels.metric_name()));
    let shown = samples.map(|sample| {
        let labels = sample.labels.without(&["instance", "job"]);
        let is_end = is_stale_nan(sample.value);
        let value = if is_end { "end".to_owned() } else { sample.value.to_string() };
        format!("{labels} {value}@{}", sample.timestamp_ms)
    });
    shown.collect()
}

fn report(outcome: &Outcome, name: &str) -> f64 {
    let of_name = |sample: &&ScrapedSample| sample.labels.metric_name() == name;
    outcome.samples.iter().find(of_name).map(|sample| sample.value).expect(name)
}

#[test]
fn a_good_scrape_reports_itself() {
    let mut target = TargetState::new(ScrapeRules { extra_metrics: true, ..rules() });
    let outcome = target.conclude(body("a 1\nb{x=\"1\"} 2\n"), 1000, 0.25);
    assert_eq!(exposed(&outcome), ["a 1@1000", "b{x=\"1\"} 2@1000"]);
    assert_eq!(outcome.error, None);
    for (name, value) in [
        ("up", 1.0),
        ("scrape_duration_seconds", 0.25),
        ("scrape_samples_scraped", 2.0),
        ("scrape_samples_post_metric_relabeling", 2.0),
        ("scrape_series_added", 2.0),
        ("scrape_body_size_bytes", 15.0),
    ] {
        assert_eq!(report(&outcome, name), value, "{name}");
    }
    let again = target.conclude(body("a 1\nb{x=\"1\"} 2\n"), 2000, 0.25);
    assert_eq!(report(&again, "scrape_series_added"), 0.0);
}

#[test]
fn a_series_that_is_gone_ends_once() {
    let mut target = TargetState::new(rules());
    target.conclude(body("a 1\nb 2\n"), 1000, 0.0);
    assert_eq!(exposed(&target.conclude(body("b 3\n"), 2000, 0.0)), ["b 3@2000", "a end@2000"]);
    assert_eq!(exposed(&target.conclude(body("b 4\n"), 3000, 0.0)), ["b 4@3000"]);
    assert_eq!(exposed(&target.conclude(body("a 5\nb 4\n"), 4000, 0.0)), ["a 5@4000", "b 4@4000"]);
}

#[test]
fn a_failed_scrape_ends_all_series_once() {
    let mut target = TargetState::new(rules());
    target.conclude(body("a 1\nb 2\n"), 1000, 0.0);
    let down = target.conclude(Answer::Failed("refused".to_owned()), 2000, 0.0);
    assert_eq!(exposed(&down), ["a end@2000", "b end@2000"]);
    assert_eq!((report(&down, "up"), down.error.as_deref()), (0.0, Some("refused")));
    assert!(exposed(&target.conclude(Answer::Failed("x".to_owned()), 3000, 0.0)).is_empty());
    let back = target.conclude(body("a 3\n"), 4000, 0.0);
    assert_eq!(exposed(&back), ["a 3@4000"]);
    assert_eq!(report(&back, "scrape_series_added"), 0.0, "its labels were still known");
}

#[test]
fn a_body_that_breaks_off_counts_for_nothing() {
    let mut target = TargetState::new(rules());
    target.conclude(body("a 1\nb 2\n"), 1000, 0.0);
    let broken = target.conclude(body("a 5\nb{x=\n"), 2000, 0.0);
    assert_eq!(exposed(&broken), ["a end@2000", "b end@2000"]);
    assert_eq!(report(&broken, "scrape_samples_scraped"), 1.0);
    assert!(broken.error.as_deref().is_some_and(|error| error.contains("line 2")), "{broken:?}");
}

#[test]
fn an_empty_body_is_good_but_ends_all() {
    let mut target = TargetState::new(rules());
    target.conclude(body("a 1\n"), 1000, 0.0);
    let empty = target.conclude(body(""), 2000, 0.0);
    assert_eq!((exposed(&empty), report(&empty, "up")), (vec!["a end@2000".to_owned()], 1.0));
}

#[test]
fn exposed_timestamps_bypass_staleness_unless_tracked() {
    let mut target = TargetState::new(rules());
    assert_eq!(exposed(&target.conclude(body("a 1 500\n"), 1000, 0.0)), ["a 1@500"]);
    assert!(exposed(&target.conclude(body("\n"), 2000, 0.0)).is_empty());
    let mut target = TargetState::new(ScrapeRules { track_timestamps_staleness: true, ..rules() });
    target.conclude(body("a 1 500\n"), 1000, 0.0);
    assert_eq!(exposed(&target.conclude(body("\n"), 2000, 0.0)), ["a end@2000"]);
    let mut target = TargetState::new(ScrapeRules { honor_timestamps: false, ..rules() });
    assert_eq!(exposed(&target.conclude(body("a 1 500\n"), 1000, 0.0)), ["a 1@1000"]);
}

#[test]
fn samples_too_far_ahead_are_left_out() {
    let mut target = TargetState::new(rules());
    let outcome = target.conclude(body("a 1 601001\nb 2 601000\n"), 1000, 0.0);
    assert_eq!((exposed(&outcome), outcome.out_of_bounds), (vec!["b 2@601000".to_owned()], 1));
    assert_eq!(outcome.error, None);
}

#[test]
fn the_same_series_twice_counts_as_a_duplicate() {
    let mut target = TargetState::new(rules());
    let outcome = target.conclude(body("a 1\na 2\na 3 7\n"), 1000, 0.0);
    assert_eq!(exposed(&outcome), ["a 1@1000", "a 3@7"]);
    assert_eq!((outcome.duplicates, outcome.scraped, outcome.kept), (1, 3, 3));
}

#[test]
fn two_texts_of_one_series_do_not_end_each_other() {
    let mut target = TargetState::new(rules());
    target.conclude(body("a{x=\"1\",y=\"2\"} 1\n"), 1000, 0.0);
    let outcome = target.conclude(body("a{y=\"2\",x=\"1\"} 2\n"), 2000, 0.0);
    assert_eq!(exposed(&outcome), ["a{x=\"1\", y=\"2\"} 2@2000"]);
}

#[test]
fn limits_fail_the_whole_scrape() {
    let limits = [
        (ScrapeLimits { samples: Some(1), ..ScrapeLimits::default() }, "sample_limit exceeded: 2"),
        (ScrapeLimits { labels: Some(3), ..ScrapeLimits::default() }, "label_limit exceeded"),
        (
            ScrapeLimits { label_name_length: Some(8), ..ScrapeLimits::default() },
            "label_name_length_limit exceeded",
        ),
        (
            ScrapeLimits { label_value_length: Some(3), ..ScrapeLimits::default() },
            "label_value_length_limit exceeded",
        ),
    ];
    for (limits, reason) in limits {
        let mut rules = rules();
        rules.labels.limits = limits;
        let mut target = TargetState::new(rules);
        let outcome = target.conclude(body("a 1\nb{xxxxxxxxx=\"yyyy\"} 2\n"), 1000, 0.0);
        assert!(exposed(&outcome).is_empty(), "{reason}: {outcome:?}");
        assert!(outcome.error.as_deref().is_some_and(|e| e.contains(reason)), "{outcome:?}");
        assert_eq!(report(&outcome, "up"), 0.0);
    }
}

#[test]
fn the_sample_limit_counts_what_relabelling_leaves() {
    let mut rules = rules();
    rules.labels.limits.samples = Some(1);
    rules.labels.relabel = vec![relabel("{action: drop, source_labels: [__name__], regex: b}")];
    let mut target = TargetState::new(rules);
    let outcome = target.conclude(body("a 1\nb 2\n"), 1000, 0.0);
    assert_eq!((exposed(&outcome), outcome.error), (vec!["a 1@1000".to_owned()], None));
    let over = target.conclude(body("a 1\nc 1\nd 1\nb 2\n"), 2000, 0.0);
    assert_eq!(exposed(&over), ["a end@2000"], "the marker passes the limit");
    assert_eq!(report(&over, "scrape_samples_post_metric_relabeling"), 3.0, "counted to the end");
    assert_eq!(report(&over, "scrape_samples_scraped"), 4.0);
}

#[test]
fn clashing_labels_are_renamed_or_honoured() {
    let text = "a{job=\"x\",exported_job=\"y\",instance=\"\"} 1\n";
    let outcome = TargetState::new(rules()).conclude(body(text), 1000, 0.0);
    assert_eq!(
        outcome.samples[0].labels.to_string(),
        r#"a{exported_exported_job="x", exported_job="y", instance="i", job="j"}"#
    );
    let mut rules = rules();
    rules.labels.honor_labels = true;
    let outcome = TargetState::new(rules).conclude(body(text), 1000, 0.0);
    assert_eq!(
        outcome.samples[0].labels.to_string(),
        r#"a{exported_job="y", instance="i", job="x"}"#
    );
}

#[test]
fn a_series_without_a_name_fails_the_scrape() {
    let mut without = rules();
    without.labels.relabel = vec![relabel("{action: labeldrop, regex: __name__}")];
    let outcome = TargetState::new(without).conclude(body("a 1\n"), 1000, 0.0);
    assert!(outcome.error.is_some_and(|error| error.contains("without a metric name")));
    let mut legacy = rules();
    legacy.labels.legacy_names = true;
    let outcome = TargetState::new(legacy).conclude(body("{\"a.b\"} 1\n"), 1000, 0.0);
    assert!(outcome.error.is_some_and(|error| error.contains("legacy")));
}

#[test]
fn new_rules_end_what_they_no_longer_yield() {
    let mut target = TargetState::new(rules());
    target.conclude(body("a 1\nb 2\n"), 1000, 0.0);
    let mut drop_b = rules();
    drop_b.labels.relabel = vec![relabel("{action: drop, source_labels: [__name__], regex: b}")];
    target.replace_rules(drop_b);
    assert_eq!(
        exposed(&target.conclude(body("a 3\nb 4\n"), 2000, 0.0)),
        ["a 3@2000", "b end@2000"]
    );
}

#[test]
fn a_target_that_goes_ends_its_series_and_its_report() {
    let mut target = TargetState::new(rules());
    assert!(target.end(500).is_empty(), "nothing was written yet");
    target.conclude(body("a 1\n"), 1000, 0.0);
    let ended = target.end(2000);
    assert_eq!(ended.len(), 1 + 5);
    assert!(ended.iter().all(|sample| is_stale_nan(sample.value) && sample.timestamp_ms == 2000));
}

#[test]
fn metadata_and_exemplars_travel_with_the_sample() {
    let text =
        "# TYPE a counter\n# HELP a Help.\na_total 1 # {trace_id=\"t\"} 0.5 0.9\nb 1\n# EOF\n";
    let answer = || Answer::Body(text.as_bytes().to_vec(), Dialect::OpenMetrics);
    let mut target = TargetState::new(rules());
    let outcome = target.conclude(answer(), 1000, 0.0);
    let metadata = outcome.samples[0].metadata.as_ref().expect("of family a");
    assert_eq!((metadata.metric_type, metadata.help.as_str()), (MetricType::Counter, "Help."));
    assert_eq!(outcome.samples[1].metadata, None);
    let exemplar = outcome.samples[0].exemplar.as_ref().expect("an exemplar");
    assert_eq!((exemplar.value, exemplar.timestamp_ms), (0.5, 900));
    let again = target.conclude(answer(), 2000, 0.0);
    assert_eq!(again.samples[0].exemplar, None, "exporters repeat the last one");
    assert!(again.samples[0].metadata.is_some());
}

#[test]
fn the_cache_forgets_what_failing_scrapes_bring() {
    let mut target = TargetState::new(rules());
    for round in 0..20 {
        let lines: Vec<String> =
            (0..200).map(|at| format!("a{{r=\"{round}_{at}\"}} 1\n")).collect();
        target.conclude(body(&format!("{}broken", lines.concat())), 1000 * round, 0.0);
    }
    assert!(target.series_count() <= 1200 + 200, "{}", target.series_count());
}

proptest! {
    /// The destination never believes in a series that the last scrape did not have.
    #[test]
    fn the_living_are_those_of_the_last_scrape(
        scrapes in proptest::collection::vec(
            proptest::option::of(proptest::collection::btree_set(0u8..8, 0..6)),
            1..12,
        )
    ) {
        let mut target = TargetState::new(rules());
        let mut alive = std::collections::BTreeSet::new();
        for (at, scrape) in scrapes.iter().enumerate() {
            let answer = match scrape {
                None => Answer::Failed("down".to_owned()),
                Some(set) => {
                    let lines: Vec<String> = set.iter().map(|n| format!("m{n} 1\n")).collect();
                    body(&lines.concat())
                }
            };
            for sample in target.conclude(answer, at as i64 * 1000, 0.0).samples {
                let Some(number) = sample.labels.metric_name().strip_prefix('m') else { continue };
                let number: u8 = number.parse().expect("a number");
                if is_stale_nan(sample.value) {
                    prop_assert!(alive.remove(&number), "m{} ended twice", number);
                } else {
                    alive.insert(number);
                }
            }
            prop_assert_eq!(&alive, &scrape.clone().unwrap_or_default());
        }
    }

    #[test]
    fn any_body_is_concluded(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut target = TargetState::new(rules());
        let outcome = target.conclude(Answer::Body(bytes.clone(), Dialect::Text), 1, 0.0);
        prop_assert!(outcome.samples.len() >= 5);
        target.conclude(Answer::Body(bytes, Dialect::OpenMetrics), 2, 0.0);
    }
}
