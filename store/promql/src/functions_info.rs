//! `info()`: joins the labels of info metrics.
//!
//! An info series belongs to the series with the same `instance` and `job`. Of several with the
//! same name the one with the newest sample counts.

use std::collections::BTreeMap;

use protocol::labels::{Labels, LabelsBuilder, METRIC_NAME};
use protocol::matcher::Matcher;
use rapidhash::{RapidHashMap, RapidHashSet};

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Cursor, Point, Series, merge_same_labels};
use crate::plan::{CallNode, Grid, InfoSelection, VectorNode};
use crate::value::PointValue;

/// The labels that say which target a series comes from.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Info series by name, then by target; for each step the newest of them.
type Newest = BTreeMap<String, RapidHashMap<Labels, Vec<Option<usize>>>>;

impl Evaluator<'_> {
    /// `info(v, {data labels})`
    pub fn info(&mut self, call: &CallNode, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let base = self.eval_vector(&call.args[0], grid)?;
        let Some(selection) = &call.info else {
            return Err(EvalError::execution("info() was planned without its info series"));
        };
        let is_info = |one: &Series| {
            selection.name_matchers.iter().all(|m| m.matches(one.labels.metric_name()))
        };
        let enriched: Vec<bool> = base.iter().map(|one| !is_info(one)).collect();
        let targets: RapidHashSet<Labels> = base
            .iter()
            .zip(&enriched)
            .filter(|(_, enriched)| **enriched)
            .map(|(one, _)| one.labels.only(&IDENTIFYING))
            .filter(|target| !target.is_empty())
            .collect();
        let infos = self.info_series(selection, &targets, grid)?;
        // For each info series the steps are laid out.
        self.usage.hold(infos.len().saturating_mul(grid.len()), &self.budget)?;
        let newest = newest_by_step(&infos, grid)?;
        let mut out = Vec::new();
        for (one, enriched) in base.into_iter().zip(enriched) {
            self.budget.check_interruption()?;
            if enriched {
                out.extend(enrich(&one, &infos, &newest, &selection.data_matchers, grid)?);
            } else {
                out.push(one);
            }
        }
        merge_same_labels(out)
    }

    /// The info series of the targets; their values are the times of their samples.
    fn info_series(
        &mut self,
        selection: &InfoSelection,
        targets: &RapidHashSet<Labels>,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let vector = VectorNode {
            selection: selection.selection,
            shift: selection.shift,
            smoothed: false,
            anchored: false,
            stats_only: false,
            matchers: Vec::new(),
        };
        let mut is_histogram = None;
        let mut infos = self.each_found(&vector, grid, |series, at_ms, found| {
            if matches!(found.point, Point::Histogram(_)) {
                is_histogram = Some(series.labels.clone());
            }
            series.push(at_ms, PointValue::Float(found.timestamp_ms as f64));
        })?;
        if let Some(labels) = is_histogram {
            let text = format!("this should be an info metric, with float samples: {labels}");
            return Err(EvalError::Execution(text));
        }
        infos.retain(|one| targets.contains(&one.labels.only(&IDENTIFYING)));
        Ok(infos)
    }
}

fn newest_by_step(infos: &[Series], grid: &Grid) -> Result<Newest, EvalError> {
    let mut newest = Newest::new();
    let mut times: RapidHashMap<(String, Labels), Vec<i64>> = RapidHashMap::default();
    for (at, one) in infos.iter().enumerate() {
        let name = one.labels.metric_name().to_owned();
        let target = one.labels.only(&IDENTIFYING);
        let times = times
            .entry((name.clone(), target.clone()))
            .or_insert_with(|| vec![i64::MIN; grid.len()]);
        let steps =
            newest.entry(name).or_default().entry(target).or_insert_with(|| vec![None; grid.len()]);
        for point in &one.floats {
            let (step, sampled_ms) = (grid.step_of(point.timestamp_ms), point.value as i64);
            if let Some(other) = steps[step].filter(|_| times[step] == sampled_ms) {
                let existing: &Series = &infos[other];
                return Err(EvalError::Execution(format!(
                    "found duplicate series for info metric: existing {} @ {sampled_ms}, new {} @ \
                     {sampled_ms}",
                    existing.labels, one.labels
                )));
            }
            if times[step] < sampled_ms {
                (times[step], steps[step]) = (sampled_ms, Some(at));
            }
        }
    }
    Ok(newest)
}

/// The series with the labels of its info series; several, where those change from step to step.
fn enrich(
    base: &Series,
    infos: &[Series],
    newest: &Newest,
    data_matchers: &[Matcher],
    grid: &Grid,
) -> Result<Vec<Series>, EvalError> {
    let target = base.labels.only(&IDENTIFYING);
    let of_target: Vec<&Vec<Option<usize>>> =
        newest.values().filter_map(|by_target| by_target.get(&target)).collect();
    let needs_info = data_matchers.iter().any(|matcher| !matcher.matches_empty());
    let mut labels_of: RapidHashMap<Vec<usize>, Labels> = RapidHashMap::default();
    let mut by_labels: RapidHashMap<Labels, usize> = RapidHashMap::default();
    let mut out: Vec<Series> = Vec::new();
    let mut cursor = Cursor::default();
    for (step, at_ms) in grid.times().enumerate() {
        let Some(point) = cursor.at(base, at_ms) else { continue };
        let found: Vec<usize> = of_target.iter().filter_map(|steps| steps[step]).collect();
        if found.is_empty() && needs_info {
            continue;
        }
        let labels = match labels_of.get(&found) {
            Some(labels) => labels.clone(),
            None => {
                let labels = joined_labels(base, &found, infos, data_matchers)?;
                labels_of.insert(found, labels.clone());
                labels
            }
        };
        let at = *by_labels.entry(labels.clone()).or_insert(out.len());
        if at == out.len() {
            out.push(Series::new(labels, base.drop_name));
        }
        out[at].push(at_ms, point.to_value());
    }
    Ok(out)
}

fn joined_labels(
    base: &Series,
    found: &[usize],
    infos: &[Series],
    data_matchers: &[Matcher],
) -> Result<Labels, EvalError> {
    let mut joined = LabelsBuilder::default();
    for info in found.iter().map(|at| &infos[*at]) {
        for (name, value) in info.labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            let asked_for =
                data_matchers.is_empty() || data_matchers.iter().any(|m| m.name == name);
            if !asked_for {
                continue;
            }
            let other = joined.value(name);
            if !other.is_empty() && other != value {
                return Err(EvalError::Execution(format!("conflicting label: {name}")));
            }
            if base.labels.get(name).is_none() {
                joined.set(name, value);
            }
        }
    }
    let mut builder = LabelsBuilder::new(&base.labels);
    for (name, value) in joined.build().iter() {
        builder.set(name, value);
    }
    Ok(builder.build())
}
