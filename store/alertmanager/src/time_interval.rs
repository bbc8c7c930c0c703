//! Whether a moment lies inside named times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use protocol::alertmanager_config::AlertmanagerConfig;
use protocol::alertmanager_config::time_intervals::{InclusiveRange, TimeInterval};

/// The named times of a configuration, zones resolved.
#[derive(Clone, Debug, Default)]
pub struct TimeIntervals {
    by_name: BTreeMap<String, Vec<(TimeInterval, TimeZone)>>,
}

/// A zone that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "time interval {interval:?}: unknown time zone {zone:?}, expected a name like Europe/Berlin"
)]
pub struct UnknownZone {
    /// The interval that names it.
    pub interval: String,
    /// The zone.
    pub zone: String,
    /// Where it is named.
    pub path: String,
}

impl TimeIntervals {
    /// Resolves the zones of a configuration.
    pub fn new(config: &AlertmanagerConfig) -> Result<Self, UnknownZone> {
        let mut by_name = BTreeMap::new();
        for (section, list) in [
            ("time_intervals", &config.time_intervals),
            ("mute_time_intervals", &config.mute_time_intervals),
        ] {
            for (at, named) in list.iter().enumerate() {
                let resolve = |(number, interval): (usize, &TimeInterval)| {
                    let zone = zone_of(interval.location.as_deref());
                    let zone = zone.ok_or_else(|| UnknownZone {
                        interval: named.name.clone(),
                        zone: interval.location.clone().unwrap_or_default(),
                        path: format!("{section}[{at}].time_intervals[{number}].location"),
                    })?;
                    Ok((interval.clone(), zone))
                };
                let resolved = named.time_intervals.iter().enumerate().map(resolve);
                by_name.insert(named.name.clone(), resolved.collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(Self { by_name })
    }

    /// The names, of those given, inside whose times `now` lies.
    pub fn active<'a>(&self, names: &'a [String], now: Timestamp) -> Vec<&'a str> {
        let inside = |name: &&'a String| {
            let intervals = self.by_name.get(*name).map(Vec::as_slice).unwrap_or_default();
            intervals.iter().any(|(interval, zone)| contains(interval, zone, now))
        };
        names.iter().filter(inside).map(String::as_str).collect()
    }
}

/// `Local` is the process's zone in Alertmanager; a server of ours runs on UTC.
fn zone_of(location: Option<&str>) -> Option<TimeZone> {
    match location.unwrap_or("") {
        "" | "UTC" | "Local" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    }
}

/// Whether `now`, read on the clock of `zone`, fits all fields.
pub fn contains(interval: &TimeInterval, zone: &TimeZone, now: Timestamp) -> bool {
    let local = zone.to_datetime(now);
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let in_times = |range: &protocol::alertmanager_config::time_intervals::TimeRange| {
        (i32::from(range.start_minute)..i32::from(range.end_minute)).contains(&minute)
    };
    let weekday = i32::from(local.date().weekday().to_sunday_zero_offset());
    any(&interval.times, in_times)
        && any(&interval.weekdays, |range| within(range.0, weekday))
        && any(&interval.days_of_month, |range| day_fits(range.0, local))
        && any(&interval.months, |range| within(range.0, i32::from(local.month())))
        && any(&interval.years, |range| within(range.0, i32::from(local.year())))
}

/// An empty list fits always.
fn any<T>(list: &[T], fits: impl FnMut(&T) -> bool) -> bool {
    list.is_empty() || list.iter().any(fits)
}

fn within(range: InclusiveRange, value: i32) -> bool {
    (range.begin..=range.end).contains(&value)
}

/// Negative days count from the month's end; both ends are cut to the month's length.
fn day_fits(range: InclusiveRange, local: DateTime) -> bool {
    let days = i32::from(local.days_in_month());
    let from_start = |day: i32| if day < 0 { days + 1 + day } else { day };
    let (begin, end) = (from_start(range.begin), from_start(range.end));
    if begin > days {
        return false;
    }
    (begin.clamp(1, days)..=end.clamp(1, days)).contains(&i32::from(local.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn active(interval: &str, at: &str) -> bool {
        let text = format!(
            "route: {{receiver: a}}\nreceivers: [{{name: a}}]\n\
             time_intervals: [{{name: t, time_intervals: [{{{interval}}}]}}]\n"
        );
        let config = AlertmanagerConfig::parse(&text).unwrap_or_else(|f| panic!("{f:?}"));
        let intervals = TimeIntervals::new(&config).expect("known zones");
        let now: Timestamp = at.parse().expect("a time");
        intervals.active(&["t".to_owned()], now) == ["t"]
    }

    #[test]
    fn fields_fit_like_alertmanagers() {
        let nine_to_five = "times: [{start_time: '09:00', end_time: '17:00'}]";
        for (interval, at, expected) in [
            (nine_to_five, "2026-11-20T09:00:00Z", true),
            (nine_to_five, "2026-11-20T16:59:59Z", true),
            (nine_to_five, "2026-11-20T17:00:00Z", false),
            ("times: [{start_time: '23:00', end_time: '24:00'}]", "2026-11-20T23:59:59Z", true),
            ("weekdays: ['monday:friday']", "2026-11-20T00:00:00Z", true),
            ("weekdays: ['monday:friday']", "2026-11-22T00:00:00Z", false),
            ("days_of_month: ['-1']", "2026-02-28T12:00:00Z", true),
            ("days_of_month: ['-1']", "2028-02-28T12:00:00Z", false),
            ("days_of_month: ['30:31']", "2026-02-28T12:00:00Z", false),
            ("days_of_month: ['25:31']", "2026-02-28T12:00:00Z", true),
            ("days_of_month: ['1:-20']", "2026-11-12T12:00:00Z", false),
            ("months: ['october:december']", "2026-11-12T12:00:00Z", true),
            ("years: ['2020:2025']", "2026-11-12T12:00:00Z", false),
            ("location: Australia/Sydney, weekdays: [monday]", "2026-11-22T13:00:00Z", true),
            ("", "2026-11-12T12:00:00Z", true),
        ] {
            assert_eq!(active(interval, at), expected, "{interval} at {at}");
        }
    }

    #[test]
    fn a_day_of_daylight_saving_is_read_on_the_local_clock() {
        // Clocks in Berlin go from 02:00 to 03:00 at 01:00 UTC on 29 March 2026.
        let interval = "location: Europe/Berlin, times: [{start_time: '03:00', end_time: '04:00'}]";
        assert!(!active(interval, "2026-03-29T00:59:59Z"));
        assert!(active(interval, "2026-03-29T01:00:00Z"));
    }
}
