//! One thread, virtual time, and dice for who goes next.
//!
//! Of all tasks that are ready the seed picks one, again and again. Time stands still while anybody
//! is ready and then jumps to the next timer. Every step goes into a running hash, the *trace*: two
//! runs with one seed must end with the same.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::BoxFuture;

use crate::seeded_random::{SeededRandom, mix};

/// A run that takes more steps than this goes in circles.
pub const STEPS_MAX: u64 = 20_000_000;

/// Which simulated process a task belongs to; they die together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process(pub u64);

impl Process {
    /// The test itself, which no crash ends.
    pub const OUTSIDE: Self = Self(0);
}

type TaskId = u64;

struct Task {
    process: Process,
    /// Nothing while it is being polled.
    future: Option<BoxFuture<'static, ()>>,
    is_ready: bool,
}

#[derive(Default)]
struct State {
    tasks: BTreeMap<TaskId, Task>,
    /// Sorted: in which order tasks were woken within one step is not for the seed to say (tokio's
    /// `watch` draws it from a generator of its own), so it must not count.
    ready: BTreeSet<TaskId>,
    timers: BTreeMap<(Duration, u64), Waker>,
    now: Duration,
    next_id: u64,
    steps: u64,
    trace: u64,
}

/// Runs tasks.
pub struct Executor {
    state: Mutex<State>,
    dice: SeededRandom,
}

impl Executor {
    /// An executor without tasks, at time zero.
    pub fn new(seed: u64) -> Arc<Self> {
        let dice = SeededRandom::new(seed, "executor");
        Arc::new(Self { state: Mutex::default(), dice })
    }

    /// Starts a task.
    pub fn spawn(self: &Arc<Self>, process: Process, future: BoxFuture<'static, ()>) -> u64 {
        let mut state = self.lock();
        state.next_id += 1;
        let id = state.next_id;
        state.tasks.insert(id, Task { process, future: Some(future), is_ready: true });
        state.ready.insert(id);
        id
    }

    /// Ends a task at once. Ending the task that is running ends it when it next waits.
    pub fn cancel(&self, id: u64) {
        let task = self.lock().tasks.remove(&id);
        // Outside the lock: what is dropped may wake others.
        drop(task);
    }

    /// Ends all tasks of a process.
    pub fn kill(&self, process: Process) {
        let mut state = self.lock();
        let all = std::mem::take(&mut state.tasks);
        let (dead, alive) = all.into_iter().partition(|(_, task)| task.process == process);
        state.tasks = alive;
        drop(state);
        drop::<BTreeMap<_, _>>(dead);
    }

    /// Virtual time since the start.
    pub fn now(&self) -> Duration {
        self.lock().now
    }

    /// Ends after `wait` of virtual time.
    pub fn sleep(self: &Arc<Self>, wait: Duration) -> Sleep {
        let until = self.now().saturating_add(wait);
        Sleep { executor: self.clone(), until, timer: None }
    }

    /// Puts what happened into the trace.
    pub fn note(&self, what: u64) {
        let mut state = self.lock();
        state.trace = mix(state.trace.rotate_left(5) ^ what);
    }

    /// The hash of all that happened so far.
    pub fn trace(&self) -> u64 {
        self.lock().trace
    }

    /// Runs until `main` has ended.
    ///
    /// # Panics
    /// Where everybody waits for nothing, and where the run goes in circles.
    pub fn block_on<T: Send + 'static>(
        self: &Arc<Self>,
        main: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let answer = Arc::new(Mutex::new(None));
        let into = answer.clone();
        let task = Box::pin(async move {
            let value = main.await;
            *into.lock().expect("nobody panics with this lock") = Some(value);
        });
        self.spawn(Process::OUTSIDE, task);
        loop {
            let done = answer.lock().expect("nobody panics with this lock").take();
            if let Some(value) = done {
                return value;
            }
            match self.next_ready() {
                Some(id) => self.poll(id),
                None => self.wake_next_timer(),
            }
        }
    }

    /// Drops all tasks: they hold this executor, which holds them.
    pub fn clear(&self) {
        let mut state = self.lock();
        let (tasks, timers) = (std::mem::take(&mut state.tasks), std::mem::take(&mut state.timers));
        drop(state);
        drop((tasks, timers));
    }

    fn next_ready(&self) -> Option<TaskId> {
        let mut state = self.lock();
        if state.ready.is_empty() {
            return None;
        }
        let index = self.dice.below(state.ready.len() as u64) as usize;
        let id = *state.ready.iter().nth(index).expect("the index is below the length");
        state.ready.remove(&id);
        state.steps += 1;
        assert!(state.steps < STEPS_MAX, "{STEPS_MAX} steps and no end, at {:?}", state.now);
        state.trace = mix(state.trace.rotate_left(5) ^ id);
        Some(id)
    }

    fn poll(self: &Arc<Self>, id: TaskId) {
        let future = self.lock().tasks.get_mut(&id).and_then(|task| {
            task.is_ready = false;
            task.future.take()
        });
        // It may have been cancelled while it was ready.
        let Some(mut future) = future else { return };
        let waker = Waker::from(Arc::new(TaskWaker { executor: self.clone(), id }));
        let outcome = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = self.lock();
        let over = match outcome {
            Poll::Ready(()) => state.tasks.remove(&id).map(|_| future).or(None),
            Poll::Pending => match state.tasks.get_mut(&id) {
                Some(task) => {
                    task.future = Some(future);
                    None
                }
                None => Some(future),
            },
        };
        drop(state);
        drop(over);
    }

    fn wake_next_timer(&self) {
        let mut state = self.lock();
        let Some(((at, _), waker)) = state.timers.pop_first() else {
            let left = state.tasks.len();
            panic!("{left} tasks wait and nothing will wake them, at {:?}", state.now);
        };
        state.now = state.now.max(at);
        state.trace = mix(state.trace ^ at.as_nanos() as u64);
        drop(state);
        waker.wake();
    }

    fn wake(&self, id: TaskId) {
        let mut state = self.lock();
        if let Some(task) = state.tasks.get_mut(&id)
            && !task.is_ready
        {
            task.is_ready = true;
            state.ready.insert(id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A failed test drops its tasks while it unwinds; they may still wake each other.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskWaker {
    executor: Arc<Executor>,
    id: TaskId,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.executor.wake(self.id);
    }
}

/// See [`Executor::sleep`].
pub struct Sleep {
    executor: Arc<Executor>,
    until: Duration,
    timer: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let executor = self.executor.clone();
        let mut state = executor.lock();
        let old = self.timer.take().and_then(|timer| state.timers.remove(&timer));
        let outcome = if state.now >= self.until {
            Poll::Ready(())
        } else {
            state.next_id += 1;
            let timer = (self.until, state.next_id);
            state.timers.insert(timer, context.waker().clone());
            self.timer = Some(timer);
            Poll::Pending
        };
        drop(state);
        drop(old);
        outcome
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.timer.take().and_then(|timer| self.executor.lock().timers.remove(&timer));
        drop(waker);
    }
}
