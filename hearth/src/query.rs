//! `hearth query`: asks a store, prints a table and plots.

mod answer;
mod client;
mod plot;
mod table;

use std::io::Write as _;

use anyhow::bail;
use protocol::time::PromDuration;

use crate::cli::QueryArgs;
use crate::query::answer::{Answer, Data, MatrixSeries, series_name};

/// Most series of a range that are plotted; the rest are counted.
const PLOTS_MAX: usize = 10;
/// Runs the command.
pub async fn run(args: QueryArgs) -> anyhow::Result<()> {
    let now = jiff::Timestamp::now().as_millisecond() as f64 / 1000.0;
    let mut form = vec![("query", args.expr.clone())];
    let path = match &args.start {
        None => {
            if let Some(time) = &args.time {
                form.push(("time", moment(time, now)?.to_string()));
            }
            "query"
        }
        Some(start) => {
            let start = moment(start, now)?;
            let end = args.end.as_deref().map_or(Ok(now), |end| moment(end, now))?;
            let step = match &args.step {
                Some(step) => step.clone(),
                None => fitting_step(end - start).to_string(),
            };
            form.push(("start", start.to_string()));
            form.push(("end", end.to_string()));
            form.push(("step", step));
            "query_range"
        }
    };
    let base = args.url.trim_end_matches('/');
    let url = match &args.workspace {
        Some(id) => format!("{base}/workspaces/{id}/api/v1/{path}"),
        None => format!("{base}/api/v1/{path}"),
    };
    let answer = client::ask(&args, &url, &form).await?;
    print(&answer)
}

fn print(answer: &Answer) -> anyhow::Result<()> {
    if answer.status != "success" {
        bail!("{}: {}", answer.error_type, answer.error);
    }
    let mut lines = Vec::new();
    match &answer.data {
        None => {}
        Some(Data::Scalar((_, value)) | Data::String((_, value))) => lines.push(value.clone()),
        Some(Data::Vector(series)) => {
            let rows: Vec<[String; 2]> = series
                .iter()
                .map(|one| {
                    let float = one.value.as_ref().map(|(_, value)| value.clone());
                    let histogram = one.histogram.as_ref();
                    let histogram =
                        histogram.map(|(_, h)| format!("count {} sum {}", h.count, h.sum));
                    [series_name(&one.metric), float.or(histogram).unwrap_or_default()]
                })
                .collect();
            lines.extend(table::render(["SERIES", "VALUE"], &rows));
        }
        Some(Data::Matrix(series)) => lines.extend(plots(series)),
    }
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    for note in answer.warnings.iter().chain(&answer.infos) {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn plots(series: &[MatrixSeries]) -> Vec<String> {
    let times = || series.iter().flat_map(|one| one.values.iter().map(|(time, _)| *time));
    let start = times().fold(f64::INFINITY, f64::min);
    let end = times().fold(f64::NEG_INFINITY, f64::max);
    let mut lines = Vec::new();
    for one in series.iter().take(PLOTS_MAX) {
        let count = one.values.len() + one.histograms.len();
        let last = one.values.last().map_or("a histogram", |(_, value)| value);
        lines.push(format!("{}  {count} points, last {last}", series_name(&one.metric)));
        let points: Vec<(f64, f64)> = one
            .values
            .iter()
            .filter_map(|(time, value)| Some((*time, parse_value(value)?)))
            .collect();
        lines.extend(plot::draw(&points, start, end));
    }
    if series.len() > PLOTS_MAX {
        lines.push(format!("... and {} more series", series.len() - PLOTS_MAX));
    }
    if series.is_empty() {
        lines.push("no series".to_owned());
    }
    lines
}

fn parse_value(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

/// Seconds since 1970 from a number, RFC 3339, or an age such as `1h`.
fn moment(text: &str, now: f64) -> anyhow::Result<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok(seconds);
    }
    if let Ok(age) = text.parse::<PromDuration>() {
        return Ok(now - age.as_secs_f64());
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        anyhow::anyhow!(
            "{text:?} is neither seconds since 1970, nor RFC 3339, nor an age such as 1h"
        )
    })?;
    Ok(time.as_millisecond() as f64 / 1000.0)
}

/// Whole seconds, at least one, so that a range fills the plot's dots.
fn fitting_step(range_seconds: f64) -> u64 {
    (range_seconds / (plot::WIDTH as f64 * 2.0)).ceil().max(1.0) as u64
}
