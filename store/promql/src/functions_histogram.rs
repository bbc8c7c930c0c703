//! Functions of native and of classic histograms.

use protocol::go_float::format_open_metrics;
use protocol::histogram::FloatHistogram;
use protocol::histogram_quantile::NanObservations;
use protocol::labels::{BUCKET_LABEL, Labels, LabelsBuilder, METRIC_NAME};
use rapidhash::RapidHashMap;

use crate::annotations::{Detail, Severity};
use crate::ast::Span;
use crate::classic_buckets::{ClassicBucket, bucket_fraction, bucket_quantile};
use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Cursor, Point, Series, merge_same_labels};
use crate::function_table::FunctionId;
use crate::functions_label::text_of;
use crate::functions_moments::check_quantile;
use crate::plan::{CallNode, Grid};
use crate::value::PointValue;

/// What is estimated from a histogram.
#[derive(Clone, Copy)]
enum Estimate {
    Quantile(f64),
    Fraction(f64, f64),
}

/// The series that make up one answer: buckets of one classic histogram and a native one.
#[derive(Default)]
struct Group {
    buckets: Vec<(usize, f64)>,
    native: Vec<usize>,
}

impl Evaluator<'_> {
    /// `histogram_count`, `_sum`, `_avg`, `_stddev`, `_stdvar`.
    pub fn histogram_number(
        &mut self,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let number: fn(&FloatHistogram) -> f64 = match call.function.id {
            FunctionId::HistogramCount => |histogram| histogram.count,
            FunctionId::HistogramSum => |histogram| histogram.sum,
            FunctionId::HistogramAvg => |histogram| histogram.sum / histogram.count,
            FunctionId::HistogramStdvar => FloatHistogram::variance,
            _ => |histogram| histogram.variance().sqrt(),
        };
        let series = self.eval_vector(&call.args[0], grid)?;
        let mut out = Vec::new();
        for one in series {
            // Type and unit stay here, unlike elsewhere.
            let labels = if self.options.delayed_name_removal {
                one.labels.clone()
            } else {
                one.labels.without(&[METRIC_NAME])
            };
            let mut mapped = Series::new(labels, true);
            for point in &one.histograms {
                mapped.push(point.timestamp_ms, PointValue::Float(number(&point.histogram)));
            }
            if !mapped.is_empty() {
                out.push(mapped);
            }
        }
        self.checked_names(out)
    }

    /// `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`.
    pub fn histogram_estimate(
        &mut self,
        call: &CallNode,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let id = call.function.id;
        let (vector_at, scalars) = match id {
            FunctionId::HistogramQuantile => (1, 0..1),
            FunctionId::HistogramFraction => (2, 0..2),
            _ => (0, 2..call.args.len()),
        };
        let mut params = Vec::new();
        for arg in &call.args[scalars.clone()] {
            params.push(self.eval_scalar(arg, grid)?);
        }
        let vector = &call.args[vector_at];
        let series = self.eval_vector(vector, grid)?;
        if id == FunctionId::HistogramFraction {
            let estimates: Vec<Estimate> =
                params[0].iter().zip(&params[1]).map(|(a, b)| Estimate::Fraction(*a, *b)).collect();
            return self.estimate(&series, &estimates, None, vector.span, grid);
        }
        let mut out = Vec::new();
        for (quantiles, at) in params.iter().zip(scalars) {
            for q in quantiles {
                check_quantile(*q, call.args[at].span, &mut self.annotations);
            }
            let estimates: Vec<Estimate> =
                quantiles.iter().map(|q| Estimate::Quantile(*q)).collect();
            let label = (id == FunctionId::HistogramQuantiles).then(|| text_of(&call.args[1]));
            out.extend(self.estimate(&series, &estimates, label, vector.span, grid)?);
        }
        merge_same_labels(out)
    }

    /// One estimate for each step and histogram; a quantile may become a label.
    fn estimate(
        &mut self,
        series: &[Series],
        estimates: &[Estimate],
        quantile_label: Option<&str>,
        span: Span,
        grid: &Grid,
    ) -> Result<Vec<Series>, EvalError> {
        let groups = self.group_buckets(series, span);
        let mut out: Vec<Series> = Vec::new();
        for (labels, group) in groups {
            self.budget.check_interruption()?;
            let name = labels.metric_name().to_owned();
            // Without delayed removal messages of classic buckets have no name to tell.
            let shown = if self.options.delayed_name_removal { name.as_str() } else { "" };
            let mut answers = Answers::new(self.without_name(&labels), quantile_label);
            let mut bucket_cursors = vec![Cursor::default(); group.buckets.len()];
            let mut native_cursors = vec![Cursor::default(); group.native.len()];
            for (at_ms, estimate) in grid.times().zip(estimates) {
                let mut buckets = Vec::new();
                for ((at, bound), cursor) in group.buckets.iter().zip(&mut bucket_cursors) {
                    if let Some(Point::Float(count)) = cursor.at(&series[*at], at_ms) {
                        buckets.push(ClassicBucket { upper_bound: *bound, count });
                    }
                }
                let mut natives = Vec::new();
                for (at, cursor) in group.native.iter().zip(&mut native_cursors) {
                    if let Some(Point::Histogram(histogram)) = cursor.at(&series[*at], at_ms) {
                        natives.push(histogram);
                    }
                }
                if !buckets.is_empty() && !natives.is_empty() {
                    let text = "vector contains a mix of classic and native histograms";
                    self.annotations.warn(span, named(text, shown));
                    continue;
                }
                for native in natives {
                    let value = self.estimate_native(native, *estimate, &name, span);
                    answers.push(at_ms, *estimate, value);
                }
                if !buckets.is_empty() {
                    let value = self.estimate_classic(&mut buckets, *estimate, shown, span, at_ms);
                    answers.push(at_ms, *estimate, value);
                }
            }
            out.extend(answers.series);
        }
        self.checked_names(out)
    }

    /// Groups series by their labels without `le`, in order of first occurrence. A series of
    /// floats without a readable bound is told of and left out.
    fn group_buckets(&mut self, series: &[Series], span: Span) -> Vec<(Labels, Group)> {
        let mut groups: Vec<(Labels, Group)> = Vec::new();
        let mut by_labels: RapidHashMap<Labels, usize> = RapidHashMap::default();
        let mut group_of = |labels: Labels, groups: &mut Vec<(Labels, Group)>| {
            *by_labels.entry(labels.clone()).or_insert_with(|| {
                groups.push((labels, Group::default()));
                groups.len() - 1
            })
        };
        for (at, one) in series.iter().enumerate() {
            if !one.histograms.is_empty() {
                let group = group_of(one.labels.clone(), &mut groups);
                groups[group].1.native.push(at);
            }
            if one.floats.is_empty() {
                continue;
            }
            let bound = one.labels.value(BUCKET_LABEL);
            let Some(upper_bound) = parse_bound(bound) else {
                let text =
                    format!("bucket label \"le\" is missing or has a malformed value of {bound:?}");
                let name =
                    if self.options.delayed_name_removal { one.labels.metric_name() } else { "" };
                self.annotations.warn(span, named(&text, name));
                continue;
            };
            let group = group_of(one.labels.without(&[BUCKET_LABEL]), &mut groups);
            groups[group].1.buckets.push((at, upper_bound));
        }
        groups
    }

    fn estimate_native(
        &mut self,
        histogram: &FloatHistogram,
        estimate: Estimate,
        name: &str,
        span: Span,
    ) -> f64 {
        let name = if self.options.delayed_name_removal { name } else { "" };
        let (value, remark) = match estimate {
            Estimate::Quantile(q) => histogram.quantile(q),
            Estimate::Fraction(lower, upper) => histogram.fraction(lower, upper),
        };
        let text = match remark {
            None => return value,
            Some(NanObservations::ResultIsNan) => {
                "input to histogram_quantile has NaN observations, result is NaN"
            }
            Some(NanObservations::ResultIsSkewed) => {
                "input to histogram_quantile has NaN observations, result is skewed higher"
            }
            Some(NanObservations::Excluded) => {
                "input to histogram_fraction has NaN observations, which are excluded from all \
                 fractions"
            }
        };
        self.annotations.info(span, named(text, name));
        value
    }

    fn estimate_classic(
        &mut self,
        buckets: &mut Vec<ClassicBucket>,
        estimate: Estimate,
        name: &str,
        span: Span,
        at_ms: i64,
    ) -> f64 {
        let q = match estimate {
            Estimate::Fraction(lower, upper) => return bucket_fraction(lower, upper, buckets),
            Estimate::Quantile(q) => q,
        };
        let (value, forced) = bucket_quantile(q, buckets);
        if let Some(forced) = forced {
            let text = "input to histogram_quantile needed to be fixed for monotonicity (see \
                https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
            let detail = Detail::Monotonicity {
                from_ms: at_ms,
                to_ms: at_ms,
                bucket_min: forced.bucket_min,
                bucket_max: forced.bucket_max,
                diff_max: forced.diff_max,
                more: 0,
            };
            self.annotations.add(Severity::Info, span, named(text, name), detail);
        }
        value
    }
}

/// The answers of one histogram; one series, or one for each quantile.
struct Answers<'a> {
    labels: Labels,
    quantile_label: Option<&'a str>,
    series: Vec<Series>,
}

impl<'a> Answers<'a> {
    fn new(labels: Labels, quantile_label: Option<&'a str>) -> Self {
        Self { labels, quantile_label, series: Vec::new() }
    }

    fn push(&mut self, at_ms: i64, estimate: Estimate, value: f64) {
        let labels = match (self.quantile_label, estimate) {
            (Some(name), Estimate::Quantile(q)) => {
                let mut builder = LabelsBuilder::new(&self.labels);
                builder.set(name, format_open_metrics(q));
                builder.build()
            }
            _ => self.labels.clone(),
        };
        let at = match self.series.iter().position(|one| one.labels == labels) {
            Some(at) => at,
            None => {
                self.series.push(Series::new(labels, true));
                self.series.len() - 1
            }
        };
        self.series[at].push(at_ms, PointValue::Float(value));
    }
}

/// Adds the metric's name to a message, where there is one.
fn named(text: &str, name: &str) -> String {
    if name.is_empty() { text.to_owned() } else { format!("{text} for metric name {name:?}") }
}

/// The bound of a classic bucket as Go reads numbers.
fn parse_bound(text: &str) -> Option<f64> {
    text.parse().ok()
}
