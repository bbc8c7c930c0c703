//! Named times, as users write them.
//!
//! Inside one interval all given fields must fit; an absent field fits always. Several intervals
//! under one name: any may fit.

use serde::{Deserialize, Deserializer};

use crate::empty_field::null_as_default;

/// Times under a name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedTimeInterval {
    /// Unique in the file.
    #[serde(default)]
    pub name: String,
    /// Any of these.
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_intervals: Vec<TimeInterval>,
}

/// One description of a time. Lists are OR-ed, fields AND-ed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeInterval {
    /// Parts of the day.
    #[serde(default, deserialize_with = "null_as_default")]
    pub times: Vec<TimeRange>,
    /// Days of the week, 0 = Sunday.
    #[serde(default, deserialize_with = "null_as_default")]
    pub weekdays: Vec<WeekdayRange>,
    /// Days of the month; negative ones count from its end.
    #[serde(default, deserialize_with = "null_as_default")]
    pub days_of_month: Vec<DayRange>,
    /// Months, 1 = January.
    #[serde(default, deserialize_with = "null_as_default")]
    pub months: Vec<MonthRange>,
    /// Years.
    #[serde(default, deserialize_with = "null_as_default")]
    pub years: Vec<YearRange>,
    /// Name of a time zone; UTC where absent.
    #[serde(default)]
    pub location: Option<String>,
}

/// Minutes of a day, the end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// 0 to 1439.
    pub start_minute: u16,
    /// 1 to 1440.
    pub end_minute: u16,
}

/// A range with both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InclusiveRange {
    /// First.
    pub begin: i32,
    /// Last.
    pub end: i32,
}

macro_rules! ranges {
    ($($(#[$doc:meta])* $name:ident by $parse:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub InclusiveRange);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                $parse(&text).map(Self).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ranges! {
    /// Days of the week, 0 = Sunday.
    WeekdayRange by weekday_range,
    /// Days of the month, 1 to 31 or -31 to -1.
    DayRange by day_range,
    /// Months, 1 to 12.
    MonthRange by month_range,
    /// Years.
    YearRange by year_range
}

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl<'de> Deserialize<'de> for TimeRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            #[serde(default)]
            start_time: String,
            #[serde(default)]
            end_time: String,
        }
        let raw = Raw::deserialize(from)?;
        time_range(&raw.start_time, &raw.end_time).map_err(serde::de::Error::custom)
    }
}

fn time_range(start: &str, end: &str) -> Result<TimeRange, String> {
    if start.is_empty() || end.is_empty() {
        return Err("both start and end times must be provided".to_owned());
    }
    let (start_minute, end_minute) = (minute_of_day(start)?, minute_of_day(end)?);
    if start_minute >= end_minute {
        return Err("start time cannot be equal or greater than end time".to_owned());
    }
    Ok(TimeRange { start_minute, end_minute })
}

fn minute_of_day(text: &str) -> Result<u16, String> {
    let fault = || format!("couldn't parse timestamp {text}, invalid format");
    let two_digits = |part: &str| {
        let fits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = text.split_once(':').ok_or_else(fault)?;
    match (two_digits(hours), two_digits(minutes)) {
        (Some(24), Some(0)) => Ok(24 * 60),
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => Ok(hours * 60 + minutes),
        _ => Err(fault()),
    }
}

fn weekday_range(text: &str) -> Result<InclusiveRange, String> {
    let day = |text: &str| {
        let lower = text.to_lowercase();
        let at = WEEKDAYS.iter().position(|name| *name == lower);
        at.map(|at| at as i32).ok_or_else(|| format!("{text} is not a valid weekday"))
    };
    let range = inclusive(text, day)?;
    ordered(range, "start day cannot be before end day")
}

fn month_range(text: &str) -> Result<InclusiveRange, String> {
    let month = |text: &str| {
        let lower = text.to_lowercase();
        if let Some(at) = MONTHS.iter().position(|name| *name == lower) {
            return Ok(at as i32 + 1);
        }
        let number = lower.parse::<i32>().ok().filter(|number| (1..=12).contains(number));
        number.ok_or_else(|| format!("{text} is not a valid month"))
    };
    let range = inclusive(text, month)?;
    ordered(range, "end month cannot be before start month")
}

fn year_range(text: &str) -> Result<InclusiveRange, String> {
    let year = |text: &str| {
        let year = text.parse::<i32>().ok().filter(|year| (1..=9999).contains(year));
        year.ok_or_else(|| format!("{text} is not a valid year"))
    };
    let range = inclusive(text, year)?;
    ordered(range, "end year cannot be before start year")
}

fn day_range(text: &str) -> Result<InclusiveRange, String> {
    let day = |text: &str| {
        let day = text.parse::<i32>().ok().filter(|day| *day != 0 && (-31..=31).contains(day));
        day.ok_or_else(|| format!("{text} is not a valid day of the month: out of range"))
    };
    let range = inclusive(text, day)?;
    if range.begin < 0 && range.end > 0 {
        return Err("end day must be negative if start day is negative".to_owned());
    }
    // A positive start with a negative end is compared inside the shortest and the longest month.
    let last = if range.begin > 0 && range.end < 0 { 32 + range.end } else { range.end };
    if range.begin > last {
        return Err("end day cannot be before start day".to_owned());
    }
    Ok(range)
}

fn inclusive(
    text: &str,
    one: impl Fn(&str) -> Result<i32, String>,
) -> Result<InclusiveRange, String> {
    match text.split_once(':') {
        None => one(text.trim()).map(|value| InclusiveRange { begin: value, end: value }),
        Some((begin, end)) => {
            Ok(InclusiveRange { begin: one(begin.trim())?, end: one(end.trim())? })
        }
    }
}

fn ordered(range: InclusiveRange, message: &str) -> Result<InclusiveRange, String> {
    if range.begin <= range.end { Ok(range) } else { Err(message.to_owned()) }
}
