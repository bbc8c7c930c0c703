//! How long verdicts live, and that a question is put once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use futures::future::{BoxFuture, join_all, pending, ready};

use super::*;

/// Stands still; timers end at once or never.
#[derive(Default)]
struct StillClock {
    steady_ms: AtomicU64,
    timers_end: bool,
}

impl StillClock {
    fn advance(&self, by: Duration) {
        self.steady_ms.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        0
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.steady_ms.load(Ordering::Relaxed))
    }

    fn sleep(&self, _wait: Duration) -> BoxFuture<'static, ()> {
        if self.timers_end { ready(()).boxed() } else { pending().boxed() }
    }
}

struct Asked {
    clock: Arc<StillClock>,
    decisions: Decisions<&'static str, u32>,
    times: AtomicUsize,
}

impl Asked {
    fn new() -> Self {
        let clock = Arc::new(StillClock::default());
        let decisions = Decisions::new(clock.clone() as Arc<dyn Clock>, 100);
        Self { clock, decisions, times: AtomicUsize::new(0) }
    }

    async fn ask(&self, key: &'static str, verdict: Verdict<u32>) -> Verdict<u32> {
        let ask = async {
            self.times.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            verdict
        };
        self.decisions.get(key, ask).await
    }

    fn times(&self) -> usize {
        self.times.load(Ordering::Relaxed)
    }
}

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn each_verdict_lives_as_long_as_it_should() {
    for (verdict, lifetime) in [
        (Verdict::Yes(1), Duration::from_secs(10)),
        (Verdict::No("no".to_owned()), Duration::from_secs(2)),
        (Verdict::Unknown("away".to_owned()), Duration::from_secs(1)),
    ] {
        let asked = Asked::new();
        assert_eq!(asked.ask("a", verdict.clone()).await, verdict);
        asked.clock.advance(lifetime.saturating_sub(MOMENT));
        assert_eq!(asked.ask("a", Verdict::Yes(2)).await, verdict, "remembered");
        assert_eq!(asked.times(), 1);
        asked.clock.advance(MOMENT);
        assert_eq!(asked.ask("a", Verdict::Yes(2)).await, Verdict::Yes(2), "asked again");
        assert_eq!(asked.times(), 2);
    }
}

#[tokio::test]
async fn whoever_asks_the_same_at_once_shares_one_answer() {
    let asked = Asked::new();
    let same = join_all((0..100).map(|n| asked.ask("a", Verdict::Yes(n)))).await;
    assert!(same.iter().all(|verdict| *verdict == Verdict::Yes(0)), "{same:?}");
    assert_eq!(asked.times(), 1);
    assert_eq!(asked.ask("b", Verdict::Yes(7)).await, Verdict::Yes(7));
}

#[tokio::test]
async fn a_question_without_an_answer_ends_and_says_so() {
    let clock = Arc::new(StillClock { timers_end: true, ..StillClock::default() });
    let decisions: Decisions<&str, u32> = Decisions::new(clock as Arc<dyn Clock>, 100);
    match decisions.get("a", pending()).await {
        Verdict::Unknown(reason) => assert!(reason.contains("within 10 seconds"), "{reason}"),
        verdict => panic!("{verdict:?}"),
    }
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_the_lane_free() {
    let asked = Asked::new();
    assert!(asked.decisions.get("a", pending()).now_or_never().is_none());
    assert_eq!(asked.ask("a", Verdict::Yes(1)).now_or_never(), None, "it waits for its own");
    assert_eq!(asked.ask("a", Verdict::Yes(2)).await, Verdict::Yes(2));
}
