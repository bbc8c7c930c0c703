//! Runs queries over a workspace: plan, fetch, evaluate.
//!
//! Planning and evaluation burn processor time and run off the async threads; selections are
//! fetched side by side. A query that nobody waits for any more stops at its next look at the
//! clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select, try_join_all};
use promql::ast::Expr;
use promql::budget::{Budget, Interruption};
use promql::engine::{self, QueryResult};
use promql::errors::EvalError;
use promql::eval_params::EvalParams;
use promql::options::ParseOptions;
use promql::parse_error::ParseError;
use promql::plan::Plan;
use promql::source::{Points, ReadError, SeriesData};
use protocol::labels::Labels;
use tsdb::error::TsdbError;
use tsdb::selection::{SelectBudget, SelectedSeries};
use world::clock::Clock;
use world::tasks::run_blocking;
use world::world::World;

use crate::catalog::record::Configuration;
use crate::workspace_data::WorkspaceData;

/// Bytes of one sample in memory: the byte limit of a query follows from its sample limit.
const SAMPLE_BYTES: u64 = 16;

/// Why a query has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueryError {
    /// It is not the language.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It cannot be evaluated.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// Its data could not be fetched.
    #[error(transparent)]
    Fetch(#[from] TsdbError),
    /// It took too long, wherever it was.
    #[error("query timed out in {0}")]
    TimedOut(&'static str),
    /// The workspace was closed meanwhile.
    #[error("the workspace is closing")]
    Closing,
}

/// The switches of the grammar in a workspace.
pub fn parse_options(configuration: &Configuration) -> ParseOptions {
    parse_options_of(|feature| configuration.has_feature(feature))
}

/// The switches of the grammar where these features are on.
pub fn parse_options_of(has: impl Fn(&str) -> bool) -> ParseOptions {
    ParseOptions {
        experimental_functions: has("promql-experimental-functions"),
        extended_range_selectors: has("promql-extended-range-selectors"),
        fill_modifiers: has("promql-binop-fill-modifiers"),
        ..ParseOptions::default()
    }
}

/// Whether a query waits for its turn among the queries of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It does.
    Wait,
    /// It does not: it is one of our own, and there are few.
    Skip,
}

/// One query.
pub struct Query {
    /// What.
    pub expr: Expr,
    /// When.
    pub params: EvalParams,
    /// How long it may take, waiting included.
    pub timeout: Duration,
    /// Whether it waits for its turn.
    pub line: Line,
}

/// Runs a query; `finish` turns the result into what the caller needs, off the async threads too.
pub async fn run<T: Send + 'static>(
    data: &WorkspaceData,
    query: Query,
    finish: impl FnOnce(QueryResult) -> T + Send + 'static,
) -> Result<T, QueryError> {
    let Query { expr, mut params, timeout, line } = query;
    let (world, in_force) = (&data.world, data.in_force());
    let configuration = &in_force.configuration;
    params.options.delayed_name_removal = configuration.has_feature("promql-delayed-name-removal");
    let deadline = world.clock.steady().saturating_add(timeout);
    let _permit = match line {
        Line::Skip => None,
        Line::Wait => {
            let permit = in_force.queries.clone().acquire_owned();
            let permit = within(world, deadline, "query queue", permit).await?;
            Some(permit.map_err(|_| QueryError::Closing)?)
        }
    };
    let plan = engine::plan(&expr, &params)?;
    let samples_max = match configuration.limits().query_samples_max {
        0 => u64::MAX,
        limit => limit,
    };
    let fetched = fetch(data, &plan, samples_max);
    let series = within(world, deadline, "query preparation", fetched).await??;
    let stop = StopOnDrop::default();
    let (stopped, clock) = (stop.0.clone(), world.clock.clone());
    let evaluated = run_blocking(world.tasks.as_ref(), move || {
        let interrupted = || interruption(&stopped, clock.as_ref(), deadline);
        let budget = Budget {
            samples_max: usize::try_from(samples_max).unwrap_or(usize::MAX),
            bytes_max: usize::MAX,
            interrupted: &interrupted,
        };
        engine::evaluate(&plan, &series, &budget).map(finish)
    });
    Ok(evaluated.await?)
}

/// Waits for something until the deadline.
async fn within<T>(
    world: &World,
    deadline: Duration,
    place: &'static str,
    work: impl Future<Output = T>,
) -> Result<T, QueryError> {
    let left = deadline.saturating_sub(world.clock.steady());
    let work = std::pin::pin!(work.fuse());
    match select(work, world.clock.sleep(left)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(((), _)) => Err(QueryError::TimedOut(place)),
    }
}

async fn fetch(
    data: &WorkspaceData,
    plan: &Plan,
    samples_max: u64,
) -> Result<Vec<Vec<Arc<dyn SeriesData>>>, TsdbError> {
    // A compressed sample takes at least a bit; the evaluation counts exactly.
    let bytes_max = samples_max.saturating_mul(SAMPLE_BYTES);
    let budget = SelectBudget { series_max: samples_max, bytes_max };
    let selections = plan.selections().iter().map(|selection| async move {
        let tsdb = &data.tsdb;
        let found =
            tsdb.select(&selection.matchers, selection.from_ms, selection.to_ms, budget).await?;
        let fetched = found.into_iter().map(|series| Arc::new(Fetched(series)) as _);
        Ok::<Vec<Arc<dyn SeriesData>>, TsdbError>(fetched.collect())
    });
    try_join_all(selections).await
}

fn interruption(
    stopped: &AtomicBool,
    clock: &dyn Clock,
    deadline: Duration,
) -> Option<Interruption> {
    if stopped.load(Ordering::Relaxed) {
        return Some(Interruption::Canceled);
    }
    (clock.steady() >= deadline).then_some(Interruption::TimedOut)
}

/// Tells the evaluation when its caller is gone.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A series of the database as the engine wants it.
struct Fetched(SelectedSeries);

impl SeriesData for Fetched {
    fn labels(&self) -> &Labels {
        self.0.labels()
    }

    fn read(&self, from_ms: i64, to_ms: i64, out: &mut Points) -> Result<(), ReadError> {
        self.0.read(from_ms, to_ms, &mut out.floats, &mut out.histograms).map_err(|error| {
            ReadError { labels: self.0.labels().to_string(), reason: error.to_string() }
        })
    }
}
