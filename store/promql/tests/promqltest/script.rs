//! The language of the scripts: `clear`, `load`, `eval`.

use promql::series_description::{SequenceValue, parse_series};
use protocol::labels::Labels;
use protocol::time::PromDuration;

use crate::expectation::{Expectation, parse_expectation};

/// One command.
#[derive(Debug)]
pub enum Command {
    /// A new, empty storage.
    Clear,
    /// More samples.
    Load(Load),
    /// A query and what it must answer.
    Eval(Box<Eval>),
}

/// `load 5m` and its series.
#[derive(Debug)]
pub struct Load {
    /// Milliseconds between two samples of a series.
    pub step_ms: i64,
    /// Whether classic histograms are stored as native ones too.
    pub with_nhcb: bool,
    /// The series.
    pub series: Vec<LoadSeries>,
}

/// One line of a load.
#[derive(Debug)]
pub struct LoadSeries {
    /// The series.
    pub labels: Labels,
    /// From time 0 on.
    pub values: Vec<SequenceValue>,
    /// When the counter began, relative to each sample; empty where not said.
    pub starts_ms: Vec<Option<i64>>,
}

/// `eval instant at ...` or `eval range from ... to ... step ...`
#[derive(Debug)]
pub struct Eval {
    /// From 1.
    pub line: usize,
    /// The query.
    pub expr: String,
    /// An instant query has a step of 0.
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
    /// `expect ...` lines.
    pub expectations: Vec<Expectation>,
    /// A bare number: the answer is a scalar.
    pub scalar: Option<f64>,
    /// `expect string`
    pub string: Option<String>,
    /// `expect range vector`: the times of the points of an instant query's matrix.
    pub matrix_times: Option<(i64, i64, i64)>,
    /// In order of writing.
    pub series: Vec<(Labels, Vec<SequenceValue>)>,
}

/// Parses a whole script; errors name their line.
pub fn parse_script(text: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> = text.lines().map(str::trim).map(without_comment).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        at += 1;
        if lines[first].is_empty() {
            continue;
        }
        let word = lines[first].split_whitespace().next().unwrap_or_default();
        let mut end = at;
        while end < lines.len() && !lines[end].is_empty() {
            end += 1;
        }
        let block = &lines[at..end];
        let name_line = |error: String| format!("line {}: {error}", first + 1);
        match word {
            "clear" => commands.push(Command::Clear),
            _ if word.starts_with("load") => {
                commands.push(Command::Load(parse_load(lines[first], block).map_err(name_line)?));
                at = end;
            }
            _ if word.starts_with("eval") => {
                let (eval, used) = parse_eval(first + 1, lines[first], block).map_err(name_line)?;
                commands.push(Command::Eval(Box::new(eval)));
                at += used;
            }
            _ => return Err(name_line(format!("invalid command {:?}", lines[first]))),
        }
    }
    Ok(commands)
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') { "" } else { line }
}

fn parse_load(head: &str, block: &[&str]) -> Result<Load, String> {
    let (word, step) = head.split_once(char::is_whitespace).ok_or("load without a step")?;
    let with_nhcb = match word {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(format!("invalid command {word:?}")),
    };
    let mut series: Vec<LoadSeries> = Vec::new();
    let mut starts: Option<(Labels, Vec<Option<i64>>)> = None;
    for line in block {
        if let Some((metric, items)) = start_line(line) {
            let (labels, _) = parse_series(metric).map_err(|error| error.to_string())?;
            starts = Some((labels, parse_starts(items)?));
            continue;
        }
        let (labels, values) = parse_series(line).map_err(|error| format!("{line}: {error}"))?;
        let starts_ms = match starts.take() {
            None => Vec::new(),
            Some((of, starts)) if of == labels && starts.len() == values.len() => starts,
            Some((of, _)) => return Err(format!("the @st line of {of} does not fit {labels}")),
        };
        // A series that is written twice counts as written last.
        series.retain(|known| known.labels != labels);
        series.push(LoadSeries { labels, values, starts_ms });
    }
    Ok(Load { step_ms: millis(step)?, with_nhcb, series })
}

/// `metric{...}@st items`
fn start_line(line: &str) -> Option<(&str, &str)> {
    let (metric, items) = line.split_once(char::is_whitespace)?;
    Some((metric.strip_suffix("@st")?, items))
}

fn parse_starts(items: &str) -> Result<Vec<Option<i64>>, String> {
    let mut starts = Vec::new();
    for item in items.split_whitespace() {
        let (value, times) = match item.rsplit_once('x') {
            Some((value, times)) => (value, Some(times.parse::<usize>().map_err(|_| item)?)),
            None => (item, None),
        };
        if value == "_" {
            starts.extend(std::iter::repeat_n(None, times.unwrap_or(1)));
            continue;
        }
        let (base, growth) = match value[1..].find(['+', '-']) {
            Some(sign) => value.split_at(sign + 1),
            None => (value, ""),
        };
        let (mut start, growth) = (signed_millis(base)?, signed_millis(growth)?);
        for _ in 0..=times.unwrap_or(0) {
            starts.push(Some(start));
            start += growth;
        }
    }
    Ok(starts)
}

fn signed_millis(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(text) => millis(text).map(|value| -value),
        None if text.is_empty() => Ok(0),
        None => millis(text.strip_prefix('+').unwrap_or(text)),
    }
}

fn millis(text: &str) -> Result<i64, String> {
    let duration = text.trim().parse::<PromDuration>();
    duration.map(PromDuration::as_millis).map_err(|error| error.to_string())
}

/// Also says how many lines of the block belong to it.
fn parse_eval(line: usize, head: &str, block: &[&str]) -> Result<(Eval, usize), String> {
    let (word, rest) = head.split_once(char::is_whitespace).ok_or("eval without a kind")?;
    let rest = rest.trim_start();
    let (start_ms, end_ms, step_ms, expr) = match rest.split_once(char::is_whitespace) {
        Some(("instant", rest)) => {
            let (at, expr) = after_word(rest, "at")?;
            (millis(at)?, millis(at)?, 0, expr)
        }
        Some(("range", rest)) => {
            let (from, rest) = after_word(rest, "from")?;
            let (to, rest) = after_word(rest, "to")?;
            let (step, expr) = after_word(rest, "step")?;
            (millis(from)?, millis(to)?, millis(step)?, expr)
        }
        _ => return Err(format!("invalid evaluation command {head:?}")),
    };
    let mut eval = Eval {
        line,
        expr: expr.to_owned(),
        start_ms,
        end_ms,
        step_ms,
        expectations: Expectation::of_command(word)?,
        scalar: None,
        string: None,
        matrix_times: None,
        series: Vec::new(),
    };
    let mut used = 0;
    for line in block {
        used += 1;
        if parse_answer(line, &mut eval)? {
            break;
        }
    }
    Ok((eval, used))
}

/// One line behind `eval`; whether it ends the block.
fn parse_answer(line: &str, eval: &mut Eval) -> Result<bool, String> {
    if let Some(rest) = line.strip_prefix("expect range vector") {
        let (from, rest) = after_word(rest, "from")?;
        let (to, step) = after_word(rest, "to")?;
        let (step, _) = after_word(step, "step")?;
        eval.matrix_times = Some((millis(from)?, millis(to)?, millis(step)?));
    } else if let Some(text) = line.strip_prefix("expect string ") {
        let literal = promql::parser::parse_expr(text, &promql::options::ParseOptions::ALL);
        match literal.map(|expr| expr.kind) {
            Ok(promql::ast::ExprKind::StringLiteral(text)) => eval.string = Some(text),
            _ => return Err(format!("invalid string {text}")),
        }
    } else if let Some(expectation) = parse_expectation(line)? {
        let ends = expectation.ends_block;
        eval.expectations.push(expectation);
        return Ok(ends);
    } else if let Some(value) = bare_number(line) {
        eval.scalar = Some(value);
        return Ok(true);
    } else {
        let (labels, values) = parse_series(line).map_err(|error| format!("{line}: {error}"))?;
        eval.series.retain(|(known, _)| *known != labels);
        eval.series.push((labels, values));
    }
    Ok(false)
}

fn bare_number(line: &str) -> Option<f64> {
    if let Some(digits) = line.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().map(|value| value as f64);
    }
    line.parse().ok()
}

/// `word value rest`, the rest possibly empty.
fn after_word<'a>(text: &'a str, word: &str) -> Result<(&'a str, &'a str), String> {
    let text = text.trim_start();
    let after = text.strip_prefix(word).filter(|after| after.starts_with(char::is_whitespace));
    let after = after.ok_or_else(|| format!("expected {word:?} in {text:?}"))?.trim_start();
    let (value, rest) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
    Ok((value, rest.trim_start()))
}
