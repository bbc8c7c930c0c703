//! What a function of a range vector knows, and tells.

use protocol::histogram::FloatHistogram;
use protocol::histogram_sum::{HistogramSum, IncompatibleBuckets, Merge};

use crate::annotations::{Annotations, Detail, Severity};
use crate::ast::Span;
use crate::errors::EvalError;
use crate::value::PointValue;
use crate::window::Window;

/// What a function knows besides the window.
pub struct RangeContext<'a> {
    /// The scalar arguments in order.
    pub params: &'a [f64],
    /// Of the series, may be empty.
    pub metric_name: &'a str,
    /// Of the first argument.
    pub span: Span,
    /// Where to tell something.
    pub annotations: &'a mut Annotations,
}

/// A function of a window; `None` yields no point.
pub type RangeFunction =
    fn(&Window<'_>, &mut RangeContext<'_>) -> Result<Option<PointValue>, EvalError>;

impl RangeContext<'_> {
    /// Tells what an addition or subtraction had to do; `None` where it could not be done.
    pub fn merged(
        &mut self,
        merge: Result<Merge, IncompatibleBuckets>,
        operation: &str,
    ) -> Option<Merge> {
        match merge {
            Ok(merge) => {
                if merge.bounds_reconciled {
                    let text =
                        format!("mismatched custom buckets were reconciled during {operation}");
                    self.annotations.info(self.span, text);
                }
                Some(merge)
            }
            Err(IncompatibleBuckets) => {
                self.warn_mixed_buckets();
                None
            }
        }
    }

    /// The sum of two histograms, with what there is to say about it.
    pub fn add_histogram(
        &mut self,
        a: &FloatHistogram,
        b: &FloatHistogram,
    ) -> Option<FloatHistogram> {
        let mut sum = HistogramSum::new(a);
        self.merged(sum.add(b), "addition")?;
        Some(sum.finish())
    }

    /// Floats and histograms in one range.
    pub fn warn_mixed_samples(&mut self) {
        let name = self.metric_name;
        let text = format!("encountered a mix of histograms and floats for metric name {name:?}");
        self.annotations.warn(self.span, text);
    }

    /// Exponential and custom buckets in one range.
    pub fn warn_mixed_buckets(&mut self) {
        let name = self.metric_name;
        let text = format!(
            "vector contains a mix of histograms with exponential and custom buckets schemas for \
             metric name {name:?}"
        );
        self.annotations.warn(self.span, text);
    }

    /// A counter function got a gauge histogram.
    pub fn warn_not_counter(&mut self) {
        let text = format!("this native histogram metric is not a counter: {:?}", self.metric_name);
        self.annotations.warn(self.span, text);
    }

    /// A gauge function got a counter histogram.
    pub fn warn_not_gauge(&mut self) {
        let text = format!("this native histogram metric is not a gauge: {:?}", self.metric_name);
        self.annotations.warn(self.span, text);
    }

    /// A counter claims to have begun before the sample before.
    pub fn warn_start_overlap(&mut self) {
        let name = self.metric_name;
        let text = format!(
            "sample has start time that overlaps with previous sample timestamp for metric {name:?}"
        );
        self.annotations.add(Severity::Warning, self.span, text, Detail::Occurrences(1));
    }

    /// Histograms were left out of a range of floats.
    pub fn info_histograms_ignored(&mut self) {
        let name = self.metric_name;
        let text = format!(
            "ignored histograms in a range containing both floats and histograms for metric name \
             {name:?}"
        );
        self.annotations.info(self.span, text);
    }
}
