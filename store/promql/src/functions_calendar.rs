//! Functions of the calendar, in UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::errors::EvalError;
use crate::eval::Evaluator;
use crate::eval_series::{Series, scalar_series};
use crate::function_table::FunctionId;
use crate::plan::{CallNode, Grid};
use crate::value::PointValue;

impl Evaluator<'_> {
    /// Of the values as seconds since 1970, or of the step itself.
    pub fn calendar(&mut self, call: &CallNode, grid: &Grid) -> Result<Vec<Series>, EvalError> {
        let id = call.function.id;
        let Some(arg) = call.args.first() else {
            let part = |at_ms: i64| calendar_part(id, at_ms.div_euclid(1000));
            let values: Vec<f64> = grid.times().map(part).collect();
            return Ok(vec![scalar_series(&values, grid)]);
        };
        let series = self.eval_vector(arg, grid)?;
        self.map_floats(series, |_, value| PointValue::Float(calendar_part(id, value as i64)))
    }
}

fn calendar_part(function: FunctionId, seconds: i64) -> f64 {
    let Ok(time) = Timestamp::from_second(seconds) else { return f64::NAN };
    let time: DateTime = TimeZone::UTC.to_datetime(time);
    match function {
        FunctionId::Year => f64::from(time.year()),
        FunctionId::Month => f64::from(time.month()),
        FunctionId::DayOfMonth => f64::from(time.day()),
        FunctionId::DayOfYear => f64::from(time.day_of_year()),
        FunctionId::DayOfWeek => f64::from(time.weekday().to_sunday_zero_offset()),
        FunctionId::DaysInMonth => f64::from(time.days_in_month()),
        FunctionId::Hour => f64::from(time.hour()),
        FunctionId::Minute => f64::from(time.minute()),
        _ => f64::NAN,
    }
}
