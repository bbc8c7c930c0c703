//! Runs the commands of a script.

use promql::annotations::{Annotations, Severity};
use promql::ast::Expr;
use promql::budget::Budget;
use promql::engine::{QueryResult, evaluate, plan};
use promql::eval_params::{EngineOptions, EvalParams};
use promql::options::ParseOptions;
use promql::parser::parse_expr;
use promql::value::{PointValue, Value, VectorSample};

use crate::at_modifier::{other_times, pinned};
use crate::compare::{compare, compare_scalar, compare_vector, is_sorted};
use crate::expectation::{Expectation, Kind};
use crate::script::{Command, Eval};
use crate::storage::Storage;

/// How scripts of this version write annotations.
#[derive(Clone, Copy, Debug)]
pub enum Annotated {
    /// Without position.
    Plain,
    /// As the API does.
    WithPosition,
}

/// How a script went.
#[derive(Debug, Default)]
pub struct Outcome {
    pub passed: usize,
    pub total: usize,
    /// Line, query and cause.
    pub failures: Vec<(usize, String, String)>,
}

/// Runs all commands; an evaluation that fails does not stop the script.
pub fn run_script(commands: &[Command], annotated: Annotated) -> Outcome {
    let mut storage = Storage::default();
    let mut outcome = Outcome::default();
    for command in commands {
        match command {
            Command::Clear => storage = Storage::default(),
            Command::Load(load) => storage.load(load),
            Command::Eval(eval) => {
                outcome.total += 1;
                let run = Run { storage: &storage, eval, annotated };
                match run.eval() {
                    Ok(()) => outcome.passed += 1,
                    Err(cause) => outcome.failures.push((eval.line, eval.expr.clone(), cause)),
                }
            }
        }
    }
    outcome
}

struct Run<'a> {
    storage: &'a Storage,
    eval: &'a Eval,
    annotated: Annotated,
}

impl Run<'_> {
    fn expects(&self, kind: Kind) -> impl Iterator<Item = &Expectation> {
        self.eval.expectations.iter().filter(move |expectation| expectation.kind == kind)
    }

    fn ordered(&self) -> bool {
        self.expects(Kind::Ordered).next().is_some()
    }

    fn fails(&self) -> bool {
        self.expects(Kind::Fail).next().is_some()
    }

    fn eval(&self) -> Result<(), String> {
        let eval = self.eval;
        let expr = match parse_expr(&eval.expr, &ParseOptions::ALL) {
            Ok(expr) => expr,
            Err(error) if self.fails() => return self.check_failure(&error.message),
            Err(error) => return Err(error.to_string()),
        };
        if eval.step_ms > 0 {
            let params = EvalParams::range(eval.start_ms, eval.end_ms, eval.step_ms);
            return self.check(&eval.expr, &expr, params).map(drop);
        }
        // An expected range vector has the time of its last point.
        let at_ms = eval.matrix_times.map_or(eval.start_ms, |(_, end_ms, _)| end_ms);
        self.instant(&eval.expr, &expr, at_ms)?;
        let Some(text) = pinned(&expr, at_ms) else { return Ok(()) };
        let expr = parse_expr(&text, &ParseOptions::ALL)
            .map_err(|error| format!("printed as {text}: {error}"))?;
        for time in other_times(at_ms) {
            self.instant(&text, &expr, time)
                .map_err(|cause| format!("{text} at {time}: {cause}"))?;
        }
        Ok(())
    }

    fn instant(&self, text: &str, expr: &Expr, at_ms: i64) -> Result<(), String> {
        let Some(result) = self.check(text, expr, EvalParams::instant(at_ms))? else {
            return Ok(());
        };
        let only_instant = self.eval.matrix_times.is_some() || self.eval.string.is_some();
        let by_context =
            ["start()", "end()", "range()", "step()"].iter().any(|call| text.contains(call));
        if only_instant || by_context {
            return Ok(());
        }
        self.in_range(expr, at_ms, &result.value).map_err(|cause| format!("as range: {cause}"))
    }

    /// The same query over three minutes must say the same in the middle.
    fn in_range(&self, expr: &Expr, at_ms: i64, instant: &Value) -> Result<(), String> {
        let params = EvalParams::range(at_ms - 60_000, at_ms + 60_000, 60_000);
        let result = self.query(expr, params)?;
        if self.ordered() {
            return Ok(());
        }
        let Value::Matrix(matrix) = result.value else {
            return Err("a range query did not answer with a matrix".to_owned());
        };
        is_sorted(&matrix)?;
        let mut vector = Vec::new();
        for series in matrix {
            let float = series.floats.iter().find(|sample| sample.timestamp_ms == at_ms);
            let histogram = series.histograms.iter().find(|sample| sample.timestamp_ms == at_ms);
            let float = float.map(|sample| PointValue::Float(sample.value));
            let histogram = histogram.map(|sample| PointValue::Histogram(sample.histogram.clone()));
            vector.extend(float.into_iter().chain(histogram).map(|value| VectorSample {
                labels: series.labels.clone(),
                timestamp_ms: at_ms,
                value,
            }));
        }
        match (instant, vector.first().map(|sample| &sample.value)) {
            (Value::Scalar(_), Some(PointValue::Float(value))) => compare_scalar(self.eval, *value),
            (Value::Scalar(_), other) => Err(format!("expected a scalar, got {other:?}")),
            _ => compare_vector(self.eval, false, &vector),
        }
    }

    /// `None`: it failed as expected.
    fn check(
        &self,
        text: &str,
        expr: &Expr,
        params: EvalParams,
    ) -> Result<Option<QueryResult>, String> {
        let result = match self.query(expr, params) {
            Ok(_) if self.fails() => return Err("expected an error, got none".to_owned()),
            Ok(result) => result,
            Err(error) if self.fails() => return self.check_failure(&error).map(|()| None),
            Err(error) => return Err(format!("error: {error}")),
        };
        self.check_annotations(text, &result.annotations)?;
        compare(self.eval, self.ordered(), &result.value)?;
        Ok(Some(result))
    }

    fn query(&self, expr: &Expr, params: EvalParams) -> Result<QueryResult, String> {
        let options = EngineOptions {
            delayed_name_removal: true,
            use_start_timestamps: true,
            ..EngineOptions::default()
        };
        let params = EvalParams { options, ..params };
        let plan = plan(expr, &params).map_err(|error| error.to_string())?;
        let data: Vec<_> =
            plan.selections().iter().map(|selection| self.storage.select(selection)).collect();
        evaluate(&plan, &data, &Budget::unlimited()).map_err(|error| error.to_string())
    }

    fn check_failure(&self, error: &str) -> Result<(), String> {
        match self.expects(Kind::Fail).find(|expectation| !expectation.text.fits(error)) {
            None => Ok(()),
            Some(expectation) => {
                Err(format!("expected the error {:?}, got {error:?}", expectation.text))
            }
        }
    }

    fn check_annotations(&self, text: &str, annotations: &Annotations) -> Result<(), String> {
        let (warnings, infos) = match self.annotated {
            Annotated::WithPosition => (annotations.warnings(text), annotations.infos(text)),
            Annotated::Plain => {
                let plain = |severity: Severity| {
                    let list = annotations.iter().filter(move |a| a.severity == severity);
                    list.map(promql::annotations::Annotation::plain).collect::<Vec<_>>()
                };
                (plain(Severity::Warning), plain(Severity::Info))
            }
        };
        self.check_texts(Kind::Warn, Kind::NoWarn, &warnings)?;
        self.check_texts(Kind::Info, Kind::NoInfo, &infos)
    }

    fn check_texts(&self, wanted: Kind, unwanted: Kind, texts: &[String]) -> Result<(), String> {
        if self.expects(unwanted).next().is_some() && !texts.is_empty() {
            return Err(format!("unexpected {wanted:?}: {texts:?}"));
        }
        let missing = self
            .expects(wanted)
            .find(|expectation| !texts.iter().any(|text| expectation.text.fits(text)));
        if let Some(expectation) = missing {
            return Err(format!("expected {wanted:?} {:?}, got {texts:?}", expectation.text));
        }
        if self.expects(wanted).next().is_none() {
            return Ok(());
        }
        let fits = |text: &&String| self.expects(wanted).any(|e| e.text.fits(text));
        match texts.iter().find(|text| !fits(text)) {
            None => Ok(()),
            Some(text) => Err(format!("unexpected {wanted:?} {text:?}")),
        }
    }
}
