//! The functions of the language: names, types, arguments.
//!
//! As of Prometheus 3.14. What they compute stands in the evaluation.

use crate::value_type::ValueType;
use crate::value_type::ValueType::{Matrix, Scalar, String, Vector};

/// How many arguments a function takes, compared with its list of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arity {
    /// One for each type.
    Exact,
    /// The last one may be missing.
    LastOptional,
    /// The last one may be missing or repeated up to so many times.
    UpTo(usize),
    /// The last one may be missing or repeated without end.
    AnyMore,
}

/// One function.
#[derive(Debug)]
pub struct Function {
    /// For an exhaustive `match`.
    pub id: FunctionId,
    /// As it is written.
    pub name: &'static str,
    /// Of the arguments, in order; the last one holds for all further arguments.
    pub arg_types: &'static [ValueType],
    /// How many arguments.
    pub arity: Arity,
    /// What it yields.
    pub return_type: ValueType,
    /// Whether it needs the option `experimental_functions`.
    pub experimental: bool,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Function {}

impl Function {
    /// The fewest arguments.
    pub const fn min_args(&self) -> usize {
        match self.arity {
            Arity::Exact => self.arg_types.len(),
            Arity::LastOptional | Arity::UpTo(_) | Arity::AnyMore => self.arg_types.len() - 1,
        }
    }

    /// The most arguments; `None` where there is no end.
    pub const fn max_args(&self) -> Option<usize> {
        match self.arity {
            Arity::Exact | Arity::LastOptional => Some(self.arg_types.len()),
            Arity::UpTo(more) => Some(self.arg_types.len() - 1 + more),
            Arity::AnyMore => None,
        }
    }

    /// The type of the argument at this place.
    pub fn arg_type(&self, at: usize) -> Option<ValueType> {
        self.arg_types.get(at).or(self.arg_types.last()).copied()
    }
}

/// Finds a function by its name.
pub fn function(name: &str) -> Option<&'static Function> {
    let at = FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok()?;
    Some(&FUNCTIONS[at])
}

macro_rules! functions {
    ($(
        $id:ident = $name:literal: [$($arg:ident),*], $arity:expr => $ret:ident, $stage:ident;
    )*) => {
        /// The functions, to be matched on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each is named like its function")]
        pub enum FunctionId {
            $($id,)*
        }

        /// All functions, sorted by name.
        pub static FUNCTIONS: &[Function] = &[$(Function {
            id: FunctionId::$id,
            name: $name,
            arg_types: &[$($arg),*],
            arity: $arity,
            return_type: $ret,
            experimental: functions!(@$stage),
        },)*];
    };
    (@stable) => { false };
    (@experimental) => { true };
}

use Arity::{AnyMore, Exact, LastOptional, UpTo};

functions! {
    Abs = "abs": [Vector], Exact => Vector, stable;
    Absent = "absent": [Vector], Exact => Vector, stable;
    AbsentOverTime = "absent_over_time": [Matrix], Exact => Vector, stable;
    Acos = "acos": [Vector], Exact => Vector, stable;
    Acosh = "acosh": [Vector], Exact => Vector, stable;
    Asin = "asin": [Vector], Exact => Vector, stable;
    Asinh = "asinh": [Vector], Exact => Vector, stable;
    Atan = "atan": [Vector], Exact => Vector, stable;
    Atanh = "atanh": [Vector], Exact => Vector, stable;
    AvgOverTime = "avg_over_time": [Matrix], Exact => Vector, stable;
    Ceil = "ceil": [Vector], Exact => Vector, stable;
    Changes = "changes": [Matrix], Exact => Vector, stable;
    Clamp = "clamp": [Vector, Scalar, Scalar], Exact => Vector, stable;
    ClampMax = "clamp_max": [Vector, Scalar], Exact => Vector, stable;
    ClampMin = "clamp_min": [Vector, Scalar], Exact => Vector, stable;
    Cos = "cos": [Vector], Exact => Vector, stable;
    Cosh = "cosh": [Vector], Exact => Vector, stable;
    CountOverTime = "count_over_time": [Matrix], Exact => Vector, stable;
    DayOfMonth = "day_of_month": [Vector], LastOptional => Vector, stable;
    DayOfWeek = "day_of_week": [Vector], LastOptional => Vector, stable;
    DayOfYear = "day_of_year": [Vector], LastOptional => Vector, stable;
    DaysInMonth = "days_in_month": [Vector], LastOptional => Vector, stable;
    Deg = "deg": [Vector], Exact => Vector, stable;
    Delta = "delta": [Matrix], Exact => Vector, stable;
    Deriv = "deriv": [Matrix], Exact => Vector, stable;
    DoubleExponentialSmoothing = "double_exponential_smoothing": [Matrix, Scalar, Scalar], Exact => Vector, experimental;
    End = "end": [], Exact => Scalar, experimental;
    Exp = "exp": [Vector], Exact => Vector, stable;
    FirstOverTime = "first_over_time": [Matrix], Exact => Vector, stable;
    Floor = "floor": [Vector], Exact => Vector, stable;
    HistogramAvg = "histogram_avg": [Vector], Exact => Vector, stable;
    HistogramCount = "histogram_count": [Vector], Exact => Vector, stable;
    HistogramFraction = "histogram_fraction": [Scalar, Scalar, Vector], Exact => Vector, stable;
    HistogramQuantile = "histogram_quantile": [Scalar, Vector], Exact => Vector, stable;
    HistogramQuantiles = "histogram_quantiles": [Vector, String, Scalar, Scalar], UpTo(9) => Vector, experimental;
    HistogramStddev = "histogram_stddev": [Vector], Exact => Vector, stable;
    HistogramStdvar = "histogram_stdvar": [Vector], Exact => Vector, stable;
    HistogramSum = "histogram_sum": [Vector], Exact => Vector, stable;
    Hour = "hour": [Vector], LastOptional => Vector, stable;
    Idelta = "idelta": [Matrix], Exact => Vector, stable;
    Increase = "increase": [Matrix], Exact => Vector, stable;
    Info = "info": [Vector, Vector], LastOptional => Vector, experimental;
    Irate = "irate": [Matrix], Exact => Vector, stable;
    LabelJoin = "label_join": [Vector, String, String, String], AnyMore => Vector, stable;
    LabelReplace = "label_replace": [Vector, String, String, String, String], Exact => Vector, stable;
    LastOverTime = "last_over_time": [Matrix], Exact => Vector, stable;
    Ln = "ln": [Vector], Exact => Vector, stable;
    Log10 = "log10": [Vector], Exact => Vector, stable;
    Log2 = "log2": [Vector], Exact => Vector, stable;
    MadOverTime = "mad_over_time": [Matrix], Exact => Vector, experimental;
    MaxOf = "max_of": [Scalar, Scalar], Exact => Scalar, experimental;
    MaxOverTime = "max_over_time": [Matrix], Exact => Vector, stable;
    MinOf = "min_of": [Scalar, Scalar], Exact => Scalar, experimental;
    MinOverTime = "min_over_time": [Matrix], Exact => Vector, stable;
    Minute = "minute": [Vector], LastOptional => Vector, stable;
    Month = "month": [Vector], LastOptional => Vector, stable;
    Pi = "pi": [], Exact => Scalar, stable;
    PredictLinear = "predict_linear": [Matrix, Scalar], Exact => Vector, stable;
    PresentOverTime = "present_over_time": [Matrix], Exact => Vector, stable;
    QuantileOverTime = "quantile_over_time": [Scalar, Matrix], Exact => Vector, stable;
    Rad = "rad": [Vector], Exact => Vector, stable;
    Range = "range": [], Exact => Scalar, experimental;
    Rate = "rate": [Matrix], Exact => Vector, stable;
    Resets = "resets": [Matrix], Exact => Vector, stable;
    Round = "round": [Vector, Scalar], LastOptional => Vector, stable;
    Scalar = "scalar": [Vector], Exact => Scalar, stable;
    Sgn = "sgn": [Vector], Exact => Vector, stable;
    Sin = "sin": [Vector], Exact => Vector, stable;
    Sinh = "sinh": [Vector], Exact => Vector, stable;
    Sort = "sort": [Vector], Exact => Vector, stable;
    SortByLabel = "sort_by_label": [Vector, String], AnyMore => Vector, experimental;
    SortByLabelDesc = "sort_by_label_desc": [Vector, String], AnyMore => Vector, experimental;
    SortDesc = "sort_desc": [Vector], Exact => Vector, stable;
    Sqrt = "sqrt": [Vector], Exact => Vector, stable;
    Start = "start": [], Exact => Scalar, experimental;
    StartTimestamp = "start_timestamp": [Vector], Exact => Vector, experimental;
    StddevOverTime = "stddev_over_time": [Matrix], Exact => Vector, stable;
    StdvarOverTime = "stdvar_over_time": [Matrix], Exact => Vector, stable;
    Step = "step": [], Exact => Scalar, experimental;
    SumOverTime = "sum_over_time": [Matrix], Exact => Vector, stable;
    Tan = "tan": [Vector], Exact => Vector, stable;
    Tanh = "tanh": [Vector], Exact => Vector, stable;
    Time = "time": [], Exact => Scalar, stable;
    Timestamp = "timestamp": [Vector], Exact => Vector, stable;
    TsOfFirstOverTime = "ts_of_first_over_time": [Matrix], Exact => Vector, experimental;
    TsOfLastOverTime = "ts_of_last_over_time": [Matrix], Exact => Vector, experimental;
    TsOfMaxOverTime = "ts_of_max_over_time": [Matrix], Exact => Vector, experimental;
    TsOfMinOverTime = "ts_of_min_over_time": [Matrix], Exact => Vector, experimental;
    Vector = "vector": [Scalar], Exact => Vector, stable;
    Year = "year": [Vector], LastOptional => Vector, stable;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_by_name() {
        assert_eq!(FUNCTIONS.len(), 90);
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for entry in FUNCTIONS {
            assert_eq!(function(entry.name), Some(entry));
        }
        assert_eq!(function("nosuch"), None);
    }

    #[test]
    fn arity_counts() {
        let range = |name| function(name).map(|f| (f.min_args(), f.max_args()));
        assert_eq!(range("rate"), Some((1, Some(1))));
        assert_eq!(range("round"), Some((1, Some(2))));
        assert_eq!(range("histogram_quantiles"), Some((3, Some(12))));
        assert_eq!(range("label_join"), Some((3, None)));
        assert_eq!(range("time"), Some((0, Some(0))));
    }
}
