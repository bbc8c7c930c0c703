//! Go's time layouts: `Mon Jan 2 15:04:05 MST 2006` by example.

use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::error::CallError;

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part<'a> {
    Text(&'a str),
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Zone(ZoneForm),
    /// `.000` or `.999`: the separator, digits, and whether trailing zeros are cut.
    Fraction {
        separator: char,
        digits: usize,
        cut: bool,
    },
}

/// `Z07:00` and its like.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ZoneForm {
    /// UTC is `Z`.
    z: bool,
    colon: bool,
    minutes: bool,
    seconds: bool,
}

/// Reads the form off the layout itself.
const fn zone(example: &'static str) -> Part<'static> {
    let bytes = example.as_bytes();
    let colon = bytes.len() > 3 && bytes[3] == b':';
    let digits = if colon { bytes.len() - bytes.len() / 3 } else { bytes.len() - 1 };
    Part::Zone(ZoneForm { z: bytes[0] == b'Z', colon, minutes: digits >= 4, seconds: digits >= 6 })
}

/// Longest first among those with the same beginning.
const WORDS: [(&str, Part<'static>); 36] = [
    ("January", Part::LongMonth),
    ("Jan", Part::Month),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("01", Part::ZeroMonth),
    ("002", Part::ZeroYearDay),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::SpaceYearDay),
    ("_2006", Part::Text("_")),
    ("_2", Part::SpaceDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("-070000", zone("-070000")),
    ("-07:00:00", zone("-07:00:00")),
    ("-0700", zone("-0700")),
    ("-07:00", zone("-07:00")),
    ("-07", zone("-07")),
    ("Z070000", zone("Z070000")),
    ("Z07:00:00", zone("Z07:00:00")),
    ("Z0700", zone("Z0700")),
    ("Z07:00", zone("Z07:00")),
    ("Z07", zone("Z07")),
    ("JAN", Part::Text("JAN")),
    ("MON", Part::Text("MON")),
];

/// The element at the start of `rest`, and how many bytes of the layout it takes.
fn element(rest: &str) -> Option<(Part<'static>, usize)> {
    if rest.starts_with("_2006") {
        return Some((Part::Text("_"), 1));
    }
    // `Jan` inside a longer word of small letters is no month in Go.
    for (word, part) in WORDS {
        if let Some(after) = rest.strip_prefix(word) {
            let next_small = after.starts_with(|c: char| c.is_ascii_lowercase());
            if matches!(part, Part::Month | Part::Weekday) && next_small {
                continue;
            }
            return Some((part, word.len()));
        }
    }
    let separator = rest.chars().next().filter(|c| *c == '.' || *c == ',')?;
    let digit = rest[1..].chars().next().filter(|c| *c == '0' || *c == '9')?;
    let digits = rest[1..].chars().take_while(|c| *c == digit).count();
    let ends = !rest[1 + digits..].starts_with(|c: char| c.is_ascii_digit());
    ends.then_some((Part::Fraction { separator, digits, cut: digit == '9' }, digits + 1))
}

fn parts(layout: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < layout.len() {
        if let Some((part, taken)) = element(&layout[at..]) {
            if from < at {
                parts.push(Part::Text(&layout[from..at]));
            }
            parts.push(part);
            at += taken;
            from = at;
        } else {
            at += layout[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if from < at {
        parts.push(Part::Text(&layout[from..]));
    }
    parts
}

/// Prints a time by a layout.
pub fn format(time: &Zoned, layout: &str) -> String {
    parts(layout).into_iter().map(|part| print_part(time, part)).collect()
}

fn print_part(time: &Zoned, part: Part<'_>) -> String {
    let month = MONTHS[time.month() as usize - 1];
    let weekday = WEEKDAYS[time.weekday().to_sunday_zero_offset() as usize];
    let hour12 = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match part {
        Part::Text(text) => text.to_owned(),
        Part::LongMonth => month.to_owned(),
        Part::Month => month[..3].to_owned(),
        Part::NumMonth => time.month().to_string(),
        Part::ZeroMonth => format!("{:02}", time.month()),
        Part::LongWeekday => weekday.to_owned(),
        Part::Weekday => weekday[..3].to_owned(),
        Part::Day => time.day().to_string(),
        Part::SpaceDay => format!("{:2}", time.day()),
        Part::ZeroDay => format!("{:02}", time.day()),
        Part::SpaceYearDay => format!("{:3}", time.day_of_year()),
        Part::ZeroYearDay => format!("{:03}", time.day_of_year()),
        Part::Hour => format!("{:02}", time.hour()),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => time.minute().to_string(),
        Part::ZeroMinute => format!("{:02}", time.minute()),
        Part::Second => time.second().to_string(),
        Part::ZeroSecond => format!("{:02}", time.second()),
        Part::LongYear => format!("{:04}", time.year()),
        Part::Year => format!("{:02}", time.year().rem_euclid(100)),
        Part::UpperPm => if time.hour() >= 12 { "PM" } else { "AM" }.to_owned(),
        Part::LowerPm => if time.hour() >= 12 { "pm" } else { "am" }.to_owned(),
        Part::ZoneName => zone_name(time),
        Part::Zone(form) => print_offset(time.offset(), form),
        Part::Fraction { separator, digits, cut } => {
            let nanos = format!("{:09}", time.subsec_nanosecond());
            let shown = &nanos[..digits.min(9)];
            let shown = if cut { shown.trim_end_matches('0') } else { shown };
            if shown.is_empty() { String::new() } else { format!("{separator}{shown}") }
        }
    }
}

fn zone_name(time: &Zoned) -> String {
    let name = time.strftime("%Z").to_string();
    // A zone without letters prints as its offset in Go: `+03`.
    let form = ZoneForm { z: false, colon: false, minutes: false, seconds: false };
    if name.is_empty() { print_offset(time.offset(), form) } else { name }
}

fn print_offset(offset: Offset, form: ZoneForm) -> String {
    let ZoneForm { z, colon, minutes, seconds } = form;
    let total = offset.seconds();
    if z && total == 0 {
        return "Z".to_owned();
    }
    let sign = if total < 0 { '-' } else { '+' };
    let total = total.abs();
    let separator = if colon { ":" } else { "" };
    let mut text = format!("{sign}{:02}", total / 3600);
    if minutes {
        text.push_str(&format!("{separator}{:02}", total / 60 % 60));
    }
    if seconds {
        text.push_str(&format!("{separator}{:02}", total % 60));
    }
    text
}

/// Reads a time by a layout; what the layout does not say is as in Go's zero time, in UTC.
pub fn parse(layout: &str, text: &str) -> Result<Zoned, CallError> {
    let fault = || CallError::new(format!("parsing time {text:?} as {layout:?}: cannot parse"));
    let mut read = Read { rest: text, year: 1, month: 1, day: 1, ..Read::default() };
    for part in parts(layout) {
        read.part(part).ok_or_else(fault)?;
    }
    if !read.rest.is_empty() {
        return Err(CallError::new(format!("parsing time {text:?}: extra text: {:?}", read.rest)));
    }
    read.finish().ok_or_else(fault)
}

#[derive(Default)]
struct Read<'a> {
    rest: &'a str,
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    afternoon: Option<bool>,
    offset_seconds: i32,
}

impl Read<'_> {
    fn part(&mut self, part: Part<'_>) -> Option<()> {
        match part {
            Part::Text(text) => self.literal(text)?,
            Part::LongMonth => self.month = self.name(&MONTHS, false)? + 1,
            Part::Month => self.month = self.name(&MONTHS, true)? + 1,
            Part::LongWeekday => drop(self.name(&WEEKDAYS, false)?),
            Part::Weekday => drop(self.name(&WEEKDAYS, true)?),
            Part::NumMonth => self.month = self.digits(1, 2)? as i8,
            Part::ZeroMonth => self.month = self.digits(2, 2)? as i8,
            Part::Day => self.day = self.digits(1, 2)? as i8,
            Part::SpaceDay => {
                self.rest = self.rest.trim_start_matches(' ');
                self.day = self.digits(1, 2)? as i8;
            }
            Part::ZeroDay => self.day = self.digits(2, 2)? as i8,
            Part::SpaceYearDay | Part::ZeroYearDay => return None,
            Part::Hour | Part::ZeroHour12 => self.hour = self.digits(2, 2)? as i8,
            Part::Hour12 => self.hour = self.digits(1, 2)? as i8,
            Part::Minute => self.minute = self.digits(1, 2)? as i8,
            Part::ZeroMinute => self.minute = self.digits(2, 2)? as i8,
            Part::Second | Part::ZeroSecond => {
                let least = if part == Part::Second { 1 } else { 2 };
                self.second = self.digits(least, 2)? as i8;
                // Go takes a fraction here even where the layout names none.
                self.fraction();
            }
            Part::LongYear => self.year = self.digits(4, 4)? as i16,
            Part::Year => {
                let year = self.digits(2, 2)? as i16;
                self.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Part::UpperPm | Part::LowerPm => {
                let (word, rest) = self.rest.split_at_checked(2)?;
                self.afternoon = Some(match word.to_ascii_lowercase().as_str() {
                    "pm" => true,
                    "am" => false,
                    _ => return None,
                });
                self.rest = rest;
            }
            Part::ZoneName => {
                let letters = self.rest.bytes().take_while(u8::is_ascii_uppercase).count();
                let (name, rest) = self.rest.split_at(letters);
                (name == "UTC" || name == "GMT").then_some(())?;
                self.rest = rest;
            }
            Part::Zone(form) => self.offset(form)?,
            Part::Fraction { .. } => self.fraction(),
        }
        Some(())
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn name(&mut self, names: &[&str], short: bool) -> Option<i8> {
        let at = names.iter().position(|name| {
            let name = if short { &name[..3] } else { name };
            self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        })?;
        let len = if short { 3 } else { names[at].len() };
        self.rest = &self.rest[len..];
        Some(at as i8)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i32> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (number, rest) = self.rest.split_at(count);
        self.rest = rest;
        number.parse().ok()
    }

    fn fraction(&mut self) {
        let Some(after) = self.rest.strip_prefix(['.', ',']) else { return };
        let count = after.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return;
        }
        let shown: String = after[..count].chars().chain("000000000".chars()).take(9).collect();
        self.nanos = shown.parse().unwrap_or(0);
        self.rest = &after[count..];
    }

    fn offset(&mut self, form: ZoneForm) -> Option<()> {
        let ZoneForm { z, colon, minutes, seconds } = form;
        if z && let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(());
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let mut total = self.digits(2, 2)? * 3600;
        for (wanted, unit) in [(minutes, 60), (seconds, 1)] {
            if wanted {
                if colon {
                    self.literal(":")?;
                }
                total += self.digits(2, 2)? * unit;
            }
        }
        self.offset_seconds = sign * total;
        Some(())
    }

    fn finish(self) -> Option<Zoned> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let time = DateTime::new(
            self.year,
            self.month,
            self.day,
            hour,
            self.minute,
            self.second,
            self.nanos,
        )
        .ok()?;
        let zone = match self.offset_seconds {
            0 => TimeZone::UTC,
            seconds => TimeZone::fixed(Offset::from_seconds(seconds).ok()?),
        };
        time.to_zoned(zone).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn shown(layout: &str) -> String {
        let time = Timestamp::from_second(1_700_000_000).expect("in range");
        format(&time.to_zoned(TimeZone::UTC), layout)
    }

    #[test]
    fn layouts_print_like_go() {
        for (layout, text) in [
            ("2006-01-02 15:04:05", "2023-11-14 22:13:20"),
            ("Mon, 02 Jan 2006 15:04:05 MST", "Tue, 14 Nov 2023 22:13:20 UTC"),
            ("Monday January _2 3:04PM", "Tuesday November 14 10:13PM"),
            ("2006-01-02T15:04:05.000Z07:00", "2023-11-14T22:13:20.000Z"),
            ("2006-01-02T15:04:05.999Z07:00", "2023-11-14T22:13:20Z"),
            ("02/01/06 at 03.04 pm", "14/11/23 at 10.13 pm"),
            ("-0700 -07:00 -07 -07:00:00 -070000", "+0000 +00:00 +00 +00:00:00 +000000"),
            ("Z0700 Z07:00:00", "Z Z"),
            ("Day 002", "Day 318"),
        ] {
            assert_eq!(shown(layout), text, "{layout}");
        }
    }

    #[test]
    fn what_a_layout_prints_it_reads() {
        for layout in
            ["2006-01-02 15:04:05", "Mon Jan _2 15:04:05 2006", "2006-01-02T15:04:05Z07:00"]
        {
            let read = parse(layout, &shown(layout)).expect("it was printed so");
            assert_eq!(read.timestamp().as_second(), 1_700_000_000, "{layout}");
        }
        assert!(parse("2006-01-02", "2023-13-01").is_err());
        assert!(parse("2006-01-02", "2023-11-01x").is_err());
    }
}
