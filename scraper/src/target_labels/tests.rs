//! Precedence, defaults, what is dropped and why.

use protocol::scrape_config::ScrapeConfiguration;

use super::*;

fn job(yaml: &str) -> ResolvedJob {
    let text = format!("scrape_configs: [{{job_name: j, {yaml}}}]");
    let config = ScrapeConfiguration::parse(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
    config.jobs().remove(0)
}

fn group(own: &[(&str, &str)], common: &[(&str, &str)]) -> TargetGroup {
    TargetGroup {
        source: "test".to_owned(),
        targets: vec![Labels::from_pairs(own.iter().copied())],
        labels: Labels::from_pairs(common.iter().copied()),
    }
}

#[test]
fn own_labels_win_over_group_labels_over_the_job() {
    let group = group(&[("__address__", "a:1"), ("x", "own")], &[("x", "group"), ("job", "g")]);
    let found = targets_of(&job("scheme: https, params: {m: [one, two]}"), [&group]);
    let target = &found.active[0];
    assert_eq!(target.public_labels().to_string(), r#"{instance="a:1", job="g", x="own"}"#);
    assert_eq!(target.url, "https://a:1/metrics?m=one&m=two");
    assert_eq!((target.interval.as_secs(), target.timeout.as_secs()), (60, 10));
}

#[test]
fn relabelling_steers_the_scrape() {
    let job = job("params: {m: [one, two]}, relabel_configs: [\
         {source_labels: [__address__], target_label: __param_m},\
         {target_label: __address__, replacement: 'prober:9'},\
         {target_label: __metrics_path__, replacement: /p?robe},\
         {target_label: __scrape_interval__, replacement: 5s},\
         {target_label: __scrape_timeout__, replacement: 2s},\
         {target_label: __meta_x, replacement: y}, {target_label: __tmp, replacement: y}]");
    let found = targets_of(&job, [&group(&[("__address__", "a:1")], &[])]);
    let target = &found.active[0];
    assert_eq!(target.url, "http://prober:9/p%3Frobe?m=a%3A1&m=two");
    assert_eq!((target.interval.as_secs(), target.timeout.as_secs()), (5, 2));
    assert_eq!(target.labels.value("__meta_x"), "");
    assert_eq!(target.labels.value("__tmp"), "y");
    assert_eq!(target.public_labels().to_string(), r#"{instance="prober:9", job="j"}"#);
}

#[test]
fn dropped_targets_say_why() {
    let replace = |label: &str, value: &str| {
        format!("relabel_configs: [{{target_label: {label}, replacement: {value}}}]")
    };
    let drop = "relabel_configs: [{action: drop, source_labels: [x], regex: ''}]";
    for (fields, reason) in [
        (drop.to_owned(), "relabel_configs"),
        (replace("__address__", "''"), "no address"),
        (replace("__address__", "a/b"), "must not hold"),
        (replace("__scrape_interval__", "0s"), "must not be 0"),
        (replace("__scrape_interval__", "soon"), "__scrape_interval__"),
        (replace("__scrape_timeout__", "2m"), "above __scrape_interval__"),
    ] {
        let found = targets_of(&job(&fields), [&group(&[("__address__", "a:1")], &[])]);
        assert!(found.active.is_empty() && found.dropped_count == 1, "{reason}");
        assert!(found.dropped[0].reason.contains(reason), "{:?}", found.dropped[0]);
    }
}

#[test]
fn equal_targets_are_one_and_the_limit_counts_them_once() {
    let one = group(&[("__address__", "a:1")], &[]);
    let two = group(&[("__address__", "b:1")], &[]);
    let job = job("target_limit: 1");
    let count = |groups: &[&TargetGroup]| targets_of(&job, groups.iter().copied()).active.len();
    assert_eq!(over_limit(&job, count(&[&one, &one])), None);
    let found = targets_of(&job, [&one, &two]);
    assert_eq!(found.active.len(), 2);
    let over = over_limit(&job, found.active.len());
    assert!(over.is_some_and(|reason| reason.contains("target_limit")));
}

#[test]
fn offsets_spread_over_the_interval_and_never_change() {
    let groups: Vec<TargetGroup> =
        (0..100).map(|at| group(&[("__address__", &format!("host{at}:1"))], &[])).collect();
    let found = targets_of(&job("scrape_interval: 10s"), &groups);
    let now_ns = 1_700_000_000_123_456_789;
    let due: Vec<u64> = found
        .active
        .iter()
        .map(|target| (now_ns + target.offset(now_ns, 7).as_nanos() as u64) % 10_000_000_000)
        .collect();
    let later = now_ns + 3_333_333_333;
    for (target, due) in found.active.iter().zip(&due) {
        assert!(target.offset(now_ns, 7).as_secs() < 10);
        let again = (later + target.offset(later, 7).as_nanos() as u64) % 10_000_000_000;
        assert_eq!(again, *due, "the moment within the interval is fixed");
    }
    let early = due.iter().filter(|due| **due < 5_000_000_000).count();
    assert!((25..=75).contains(&early), "{early} of 100 in the first half");
}
