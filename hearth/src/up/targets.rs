//! What `/api/v1/targets` says of the collectors in here.

use protocol::labels::Labels;
use scraper::status::{CollectorStatus, TargetStatus};
use serde_json::{Map, Value, json};

/// The `data` of the answer, as Prometheus shapes it.
pub fn answer<'a>(statuses: impl Iterator<Item = &'a CollectorStatus>) -> Value {
    let (mut active, mut dropped, mut counts) = (Vec::new(), Vec::new(), Map::new());
    for status in statuses {
        active.extend(status.targets.iter().map(active_target));
        for (job, target) in &status.dropped_targets {
            let discovered = labels(&target.discovered);
            dropped.push(json!({"discoveredLabels": discovered, "scrapePool": job}));
            let count = counts.get(job).and_then(Value::as_u64).unwrap_or(0) + 1;
            counts.insert(job.clone(), json!(count));
        }
    }
    json!({"activeTargets": active, "droppedTargets": dropped, "droppedTargetCounts": counts})
}

fn active_target(target: &TargetStatus) -> Value {
    let last = target.last_scrape_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let interval = protocol::time::PromDuration::from_millis(target.interval.as_millis() as u64);
    let timeout = protocol::time::PromDuration::from_millis(target.timeout.as_millis() as u64);
    json!({
        "discoveredLabels": labels(&target.discovered),
        "labels": labels(&target.labels),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": target.last_error.as_deref().unwrap_or_default(),
        "lastScrape": last.map_or("0001-01-01T00:00:00Z".to_owned(), |time| time.to_string()),
        "lastScrapeDuration": target.duration.as_secs_f64(),
        "health": target.health.as_str(),
        "scrapeInterval": interval.to_string(),
        "scrapeTimeout": timeout.to_string(),
    })
}

fn labels(labels: &Labels) -> Map<String, Value> {
    labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}
