//! All rule groups of one workspace: start, swap, stop.
//!
//! A group that did not change keeps running; an edited one hands its state on by the rules' names
//! and labels; one that is gone has its series marked as ended two intervals later, unless another
//! writes them by then. At shutdown nothing is marked: the series go on after the restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::fault::Fault;
use protocol::rule_file::RuleFile;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use world::commit_log::{LogError, StreamName};
use world::tasks::TaskHandle;
use world::world::World;

use crate::group::Group;
use crate::group_state::GroupState;
use crate::journal::Journal;
use crate::ports::RulePorts;
use crate::schedule::Schedule;
use crate::spec::{GroupSpec, RuleSettings, compile};
use crate::status::GroupStatus;

/// The longest single wait of a group, so that a clock that was set wrong is noticed soon.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Groups of a workspace under evaluation at once; more wait in line. Each holds the series of one
/// query in memory; one whose store is slow takes one place only.
pub const GROUPS_AT_ONCE_MAX: usize = 16;

/// What one namespace shall run.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// The rules.
    pub file: RuleFile,
    /// The hash of the definition that they came from.
    pub hash: String,
}

/// The rules of one workspace.
pub struct RuleManager {
    world: World,
    ports: RulePorts,
    settings: Arc<RuleSettings>,
    journal: Arc<Journal>,
    running: Mutex<Running>,
    /// [`GROUPS_AT_ONCE_MAX`], first come, first served.
    places: Arc<Semaphore>,
    /// One change at a time.
    applying: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Running {
    groups: BTreeMap<GroupKey, RunningGroup>,
    hashes: BTreeMap<String, String>,
    was_applied: bool,
}

type GroupKey = (Arc<str>, Arc<str>);

struct RunningGroup {
    group: Arc<Group>,
    /// Says `true` when the group shall end.
    stop: watch::Sender<bool>,
    task: TaskHandle,
}

impl RuleManager {
    /// Opens the journal of the workspace and waits for rules. Reads the disk.
    pub fn start(
        world: World,
        ports: RulePorts,
        settings: RuleSettings,
        workspace: &str,
    ) -> Result<Arc<Self>, LogError> {
        let stream = StreamName::new(format!("rules/{workspace}"));
        let journal = Arc::new(Journal::open(world.log.clone(), stream)?);
        Ok(Arc::new(Self {
            world,
            ports,
            settings: Arc::new(settings),
            journal,
            running: Mutex::default(),
            places: Arc::new(Semaphore::new(GROUPS_AT_ONCE_MAX)),
            applying: tokio::sync::Mutex::default(),
        }))
    }

    /// Makes the running groups those of `namespaces`.
    ///
    /// A namespace with faults keeps running as it was; its faults are the answer.
    pub async fn apply(
        &self,
        namespaces: BTreeMap<String, Namespace>,
    ) -> BTreeMap<String, Vec<Fault>> {
        let _one_at_a_time = self.applying.lock().await;
        let mut refused = BTreeMap::new();
        let mut wanted = BTreeMap::new();
        let mut hashes = BTreeMap::new();
        for (namespace, definition) in namespaces {
            match compile(&namespace, &definition.file, &self.settings) {
                Ok(groups) => {
                    hashes.insert(namespace, definition.hash);
                    let keyed = groups.into_iter();
                    wanted.extend(keyed.map(|spec| ((spec.file.clone(), spec.name.clone()), spec)));
                }
                Err(faults) => drop(refused.insert(namespace, faults)),
            }
        }
        self.swap(wanted, &refused).await;
        let mut running = self.lock();
        let kept = std::mem::take(&mut running.hashes);
        hashes.extend(kept.into_iter().filter(|(namespace, _)| refused.contains_key(namespace)));
        running.hashes = hashes;
        refused
    }

    /// Swaps the groups one by one, so that whoever looks sees all but one.
    async fn swap(
        &self,
        wanted: BTreeMap<GroupKey, GroupSpec>,
        refused: &BTreeMap<String, Vec<Fault>>,
    ) {
        let first = !std::mem::replace(&mut self.lock().was_applied, true);
        let gone: Vec<GroupKey> = {
            let running = self.lock();
            let is_gone =
                |key: &&GroupKey| !wanted.contains_key(*key) && !refused.contains_key(&*key.0);
            running.groups.keys().filter(is_gone).cloned().collect()
        };
        for (key, spec) in wanted {
            let same = |running: &RunningGroup| running.group.spec.says_the_same(&spec);
            if self.lock().groups.get(&key).is_some_and(same) {
                continue;
            }
            let before = self.lock().groups.remove(&key);
            let now = match before {
                Some(edited) => self.replace(edited, spec).await,
                None => self.begin(spec, first),
            };
            self.lock().groups.insert(key, now);
        }
        for key in gone {
            let running = self.lock().groups.remove(&key);
            if let Some(running) = running {
                self.remove(running).await;
            }
        }
    }

    /// The hash of the definition that a namespace runs now.
    pub fn programmed_hash(&self, namespace: &str) -> Option<String> {
        self.lock().hashes.get(namespace).cloned()
    }

    /// All groups as they are now, by namespace and name.
    pub fn snapshot(&self) -> Vec<GroupStatus> {
        self.lock().groups.values().map(|running| running.group.status()).collect()
    }

    /// Writes all alert state as one record, so that the log may forget older ones.
    pub async fn checkpoint(&self) -> Result<(), LogError> {
        self.journal.snapshot().await
    }

    /// Ends all groups after the evaluations that are under way.
    pub async fn stop(&self) {
        let _one_at_a_time = self.applying.lock().await;
        let groups = std::mem::take(&mut self.lock().groups);
        for running in groups.values() {
            running.stop.send_replace(true);
        }
        for running in groups.into_values() {
            running.task.ended().await;
        }
    }

    fn begin(&self, spec: GroupSpec, at_start: bool) -> RunningGroup {
        let mut state = GroupState::new(&spec);
        let journaled = self.journal.load(&spec.file, &spec.name, self.world.clock.now_ms());
        match journaled {
            Some(alerts) => state.load(&spec, alerts),
            // A group that comes while others run is new: there is nothing to look for.
            None if !at_start => state.set_restored(),
            None => {}
        }
        self.spawn(spec, state)
    }

    async fn replace(&self, edited: RunningGroup, spec: GroupSpec) -> RunningGroup {
        let RunningGroup { group, stop, task } = edited;
        stop.send_replace(true);
        task.ended().await;
        let mut state = group.state().taken_over(&group.spec, &spec);
        if !group.awaits_restore() {
            state.set_restored();
        }
        let now_ms = self.world.clock.now_ms();
        if let Err(error) = self.journal.retain(&spec, now_ms).await {
            let (file, group) = (&*spec.file, &*spec.name);
            tracing::warn!(file, group, %error, "alerts of removed rules stay in the journal");
        }
        self.spawn(spec, state)
    }

    async fn remove(&self, gone: RunningGroup) {
        let RunningGroup { group, stop, task } = gone;
        stop.send_replace(true);
        task.ended().await;
        let now_ms = self.world.clock.now_ms();
        if let Err(error) = self.journal.forget(&group.spec.file, &group.spec.name, now_ms).await {
            let (file, name) = (&*group.spec.file, &*group.spec.name);
            tracing::warn!(file, group = name, %error, "a removed group stays in the journal");
        }
        // A group of another name may take the series over; its samples are newer than the markers.
        let wait = Duration::from_millis(2 * group.spec.interval_ms as u64);
        let (clock, tasks) = (self.world.clock.clone(), self.world.tasks.clone());
        let bury = async move {
            let stopping = tasks.stopping();
            tokio::select! {
                biased;
                () = stopping => {}
                () = clock.sleep(wait) => group.bury(now_ms).await,
            }
        };
        drop(self.world.tasks.spawn("rules of a removed group", Box::pin(bury)));
    }

    fn spawn(&self, spec: GroupSpec, state: GroupState) -> RunningGroup {
        let (stop, stopped) = watch::channel(false);
        let group = Arc::new(Group::new(
            spec,
            state,
            self.settings.clone(),
            self.ports.clone(),
            self.world.clock.clone(),
            Some(self.journal.clone()),
        ));
        let task = run(self.world.clone(), group.clone(), self.places.clone(), stopped);
        let task = self.world.tasks.spawn("rule group", Box::pin(task));
        RunningGroup { group, stop, task }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Evaluates a group on its slots until it is told to end.
async fn run(
    world: World,
    group: Arc<Group>,
    places: Arc<Semaphore>,
    mut stopped: watch::Receiver<bool>,
) {
    let spec = &group.spec;
    let schedule = Schedule::new(&spec.file, &spec.name, spec.interval_ms);
    let mut slot_ms = schedule.first_after(world.clock.now_ms());
    let mut evaluations = 0_u64;
    while wait_until(&world, slot_ms, &mut stopped).await {
        let Some(place) = place(&world, &places, &mut stopped).await else { return };
        group.evaluate(slot_ms).await;
        drop(place);
        evaluations += 1;
        // Two evaluations first: recorded series that alerts stand on are there by then.
        if evaluations == 2 && group.awaits_restore() {
            group.restore().await;
        }
        let next = schedule.next(slot_ms, world.clock.now_ms());
        group.count_missed(next.missed);
        slot_ms = next.slot_ms;
    }
}

/// A place among those that evaluate, unless the group is told to end before.
async fn place<'a>(
    world: &World,
    places: &'a Semaphore,
    stopped: &mut watch::Receiver<bool>,
) -> Option<SemaphorePermit<'a>> {
    tokio::select! {
        biased;
        () = world.tasks.stopping() => None,
        _ = stopped.wait_for(|stopped| *stopped) => None,
        place = places.acquire() => Some(place.expect("the semaphore is never closed")),
    }
}

/// Whether the time came before the group was told to end.
async fn wait_until(world: &World, at_ms: i64, stopped: &mut watch::Receiver<bool>) -> bool {
    let stopping = world.tasks.stopping();
    tokio::pin!(stopping);
    loop {
        if *stopped.borrow() {
            return false;
        }
        let left_ms = at_ms - world.clock.now_ms();
        if left_ms <= 0 {
            return true;
        }
        let wait = Duration::from_millis(left_ms as u64).min(WAIT_MAX);
        tokio::select! {
            biased;
            () = &mut stopping => return false,
            changed = stopped.changed() => if changed.is_err() { return false },
            () = world.clock.sleep(wait) => {}
        }
    }
}
