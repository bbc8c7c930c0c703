//! Asks one target again and again.
//!
//! Thin: when comes from [`schedule`](crate::schedule) and the target, what it means from
//! [`scrape_outcome`](crate::scrape_outcome).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::labels::Labels;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::clock::WallClock;
use crate::schedule::Schedule;
use crate::scrape_client::Fetch;
use crate::scrape_outcome::{Answer, Outcome, ScrapeRules, TargetState};
use crate::sender::Sender;
use crate::sharding::Sharding;
use crate::status::{Health, TargetStatus};
use crate::target::Target;

/// How a target is scraped at the moment.
#[derive(Clone)]
pub struct ScrapePlan {
    /// What of the job concerns its samples.
    pub rules: Arc<ScrapeRules>,
    /// Its labels before relabelling; they may change while it stays the same target.
    pub discovered: Labels,
    /// How it is asked.
    pub fetch: Arc<dyn Fetch>,
    /// Set where the job has too many targets: nothing is asked, the scrape counts as failed.
    pub forced_error: Option<String>,
}

/// What the loop has to do.
#[derive(Clone)]
pub enum Order {
    /// Scrape by this plan.
    Run(ScrapePlan),
    /// The target is gone: mark its series as ended, then stop.
    Retire,
    /// Nothing of this collector will come back: mark its series as ended now, then stop.
    End,
    /// Stop at once, mark nothing.
    Stop,
}

/// What a loop needs of its surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// Takes the samples.
    pub sender: Arc<Sender>,
    /// The wall clock.
    pub clock: Arc<dyn WallClock>,
    /// Shifts all offsets, so that two collectors of one configuration do not ask at once.
    pub offset_seed: u64,
    /// Which targets are ours. Where there are shards, all of them write the same timestamps.
    pub sharding: Option<Sharding>,
}

/// Runs until it is told to stop.
pub async fn run(
    target: Target,
    around: Surroundings,
    mut orders: watch::Receiver<Order>,
    status: Arc<Mutex<TargetStatus>>,
) {
    let Order::Run(mut plan) = orders.borrow_and_update().clone() else { return };
    let mut state = TargetState::new(ScrapeRules::clone(&plan.rules));
    let now_ms = around.clock.now_ms();
    let offset = target.offset(now_ms.max(0) as u64 * 1_000_000, around.offset_seed);
    let mut schedule = Schedule::new(now_ms + offset.as_millis() as i64, target.interval);
    if around.sharding.is_some() {
        schedule = schedule.in_slots();
    }
    let mut ticks = interval_at(Instant::now() + offset, target.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let order = tokio::select! {
            biased;
            changed = orders.changed() => Some(match changed {
                Ok(()) => orders.borrow_and_update().clone(),
                Err(_) => Order::Stop,
            }),
            _ = ticks.tick() => None,
        };
        match order {
            Some(Order::Stop) => return,
            Some(Order::End) => {
                around.sender.push(state.end(schedule.timestamp_ms(around.clock.now_ms())));
                return;
            }
            Some(Order::Retire) => break,
            Some(Order::Run(new)) => {
                if !Arc::ptr_eq(&new.rules, &plan.rules) {
                    state.replace_rules(ScrapeRules::clone(&new.rules));
                }
                plan = new;
                continue;
            }
            None => {}
        }
        let time_ms = schedule.timestamp_ms(around.clock.now_ms());
        let scrape = scrape_once(&target, &plan, &mut state, time_ms);
        // Only a stop interrupts a running scrape; other orders wait, so look with a receiver that
        // does not mark them as seen.
        let mut ahead = orders.clone();
        let stopped = async {
            if ahead.wait_for(|order| matches!(order, Order::Stop)).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => return,
            scraped = scrape => publish(&around, &status, time_ms, scraped),
        }
    }
    retire(&target, &around, &mut orders, (&mut ticks, &mut schedule), &mut state).await;
}

async fn scrape_once(
    target: &Target,
    plan: &ScrapePlan,
    state: &mut TargetState,
    time_ms: i64,
) -> (Outcome, Duration) {
    let start = Instant::now();
    let answer = match &plan.forced_error {
        Some(reason) => Answer::Failed(reason.clone()),
        None => plan.fetch.fetch_discovered(&target.url, &plan.discovered, target.timeout).await,
    };
    let took = start.elapsed();
    (state.conclude(answer, time_ms, took.as_secs_f64()), took)
}

fn publish(
    around: &Surroundings,
    status: &Mutex<TargetStatus>,
    time_ms: i64,
    (outcome, took): (Outcome, Duration),
) {
    if outcome.duplicates > 0 || outcome.out_of_bounds > 0 {
        let (duplicates, out_of_bounds) = (outcome.duplicates, outcome.out_of_bounds);
        tracing::debug!(duplicates, out_of_bounds, "samples of a scrape were left out");
    }
    let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
    status.health = if outcome.error.is_none() { Health::Up } else { Health::Down };
    status.last_error = outcome.error;
    status.last_scrape_ms = Some(time_ms);
    status.duration = took;
    status.samples = outcome.kept;
    drop(status);
    around.sender.push(outcome.samples);
}

/// Waits for two more ticks and a little, as Prometheus does, so that a target that comes right
/// back wins over the markers; then writes them for the first of these ticks.
async fn retire(
    target: &Target,
    around: &Surroundings,
    orders: &mut watch::Receiver<Order>,
    (ticks, schedule): (&mut tokio::time::Interval, &mut Schedule),
    state: &mut TargetState,
) {
    let wait = async {
        ticks.tick().await;
        let time_ms = schedule.timestamp_ms(around.clock.now_ms());
        ticks.tick().await;
        sleep(target.interval / 10).await;
        time_ms
    };
    let hurried = async {
        let hurries = |order: &Order| matches!(order, Order::Stop | Order::End);
        let found = orders.wait_for(hurries).await.map(|order| matches!(*order, Order::End));
        let Ok(marks) = found else { return std::future::pending().await };
        marks
    };
    tokio::select! {
        biased;
        marks = hurried => if marks {
            around.sender.push(state.end(around.clock.now_ms()));
        },
        time_ms = wait => around.sender.push(state.end(time_ms)),
    }
}
