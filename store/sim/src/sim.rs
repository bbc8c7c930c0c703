//! What a test can do to its world.
//!
//! A [`Sim`] is one machine and what lies around it: disk, bucket, outbox and clocks outlive every
//! process. [`Sim::boot`] starts a process, which gets a [`World`]; [`Sim::crash`] and
//! [`Sim::kill`] end it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use world::disk::Disk;
use world::local_log::{LocalLog, LogSettings};
use world::random::Random;
use world::recovery::LogOpenError;
use world::tasks::Tasks;
use world::world::World;

use crate::executor::{Executor, Process, Sleep};
use crate::seeded_random::SeededRandom;
use crate::sim_bucket::SimBucket;
use crate::sim_clock::SimClock;
use crate::sim_disk::DiskControl;
use crate::sim_outbox::SimOutbox;
use crate::sim_tasks::SimTasks;

/// The machine and what lies around it. Cloning shares it.
#[derive(Clone)]
pub struct Sim {
    /// The seed of the run.
    pub seed: u64,
    /// Time and order.
    pub executor: Arc<Executor>,
    /// The disk, from outside.
    pub disk: DiskControl,
    /// The bucket, with its faults.
    pub bucket: Arc<SimBucket>,
    /// The outbox, with its script.
    pub outbox: Arc<SimOutbox>,
    /// The clock, which can be set wrong.
    pub clock: Arc<SimClock>,
    /// Chance for the test itself.
    pub dice: Arc<SeededRandom>,
    /// How logs are opened.
    pub log_settings: LogSettings,
    processes: Arc<AtomicU64>,
}

/// A process that runs.
pub struct Booted {
    /// What it was handed.
    pub world: World,
    /// Its log once more, for what only this one can tell.
    pub log: Arc<LocalLog>,
    process: Process,
}

impl Sim {
    /// A machine with an empty disk.
    pub fn new(seed: u64) -> Self {
        let executor = Executor::new(seed);
        Self {
            seed,
            disk: DiskControl::new(seed, executor.clone()),
            bucket: Arc::new(SimBucket::new(seed, executor.clone())),
            outbox: Arc::new(SimOutbox::new(seed, executor.clone())),
            clock: Arc::new(SimClock::new(executor.clone())),
            dice: Arc::new(SeededRandom::new(seed, "test")),
            log_settings: LogSettings::default(),
            processes: Arc::new(AtomicU64::new(1)),
            executor,
        }
    }

    /// Starts a process: recovers the log, makes the world.
    pub fn boot(&self) -> Result<Booted, LogOpenError> {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let process = Process(number);
        let purpose = format!("process {number}");
        let random = Arc::new(SeededRandom::new(self.seed, &purpose));
        let tasks: Arc<dyn Tasks> =
            Arc::new(SimTasks::new(self.executor.clone(), process, random.clone()));
        let disk: Arc<dyn Disk> = Arc::new(self.disk.mount());
        let random: Arc<dyn Random> = random;
        let log = Arc::new(LocalLog::open(&disk, &random, &tasks, self.log_settings)?);
        let world = World {
            clock: self.clock.clone(),
            random,
            tasks,
            disk,
            bucket: self.bucket.clone(),
            log: log.clone(),
            outbox: self.outbox.clone(),
        };
        Ok(Booted { world, log, process })
    }

    /// Power lost and back. The process is gone at whatever await it stood.
    pub fn crash(&self, booted: &Booted) {
        self.executor.kill(booted.process);
        self.disk.crash();
    }

    /// The process is killed; what it wrote stays in the kernel's hands, synced or not.
    pub fn kill(&self, booted: &Booted) {
        self.executor.kill(booted.process);
        self.disk.kill();
    }

    /// Starts a task outside the processes, which no crash ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(Process::OUTSIDE, Box::pin(task));
    }

    /// Lets virtual time pass.
    pub fn sleep(&self, wait: Duration) -> Sleep {
        self.executor.sleep(wait)
    }
}

impl Booted {
    /// Starts a task of this process, which ends with it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.world.tasks.spawn("test", Box::pin(task)));
    }
}
