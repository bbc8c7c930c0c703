//! What the operator counts of itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::settings::ObjectName;

/// Upper bounds, in seconds, of the buckets of reconciles and of the time to Programmed.
const BUCKETS: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 3.0, 10.0, 30.0, 120.0];

/// How a watch fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchState {
    /// Has not listed anything yet.
    Starting,
    /// Runs.
    Up,
    /// Failed, and is tried again.
    Down {
        /// Its kind is not there: the custom resource definition is missing.
        missing: bool,
        /// What the API server said.
        message: String,
    },
}

/// Counters, shared by everything in the process.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    inner: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    reconciles: BTreeMap<(String, &'static str), u64>,
    durations: BTreeMap<String, Histogram>,
    programmed: BTreeMap<String, Histogram>,
    depths: BTreeMap<String, usize>,
    watches: BTreeMap<String, WatchState>,
    optional: BTreeMap<String, bool>,
    objects: BTreeMap<String, (usize, usize)>,
    writes: BTreeMap<(String, &'static str), u64>,
    leader: bool,
    /// The newest generation of each object, and since when it waits to be run; `None` once it is.
    open: BTreeMap<(String, ObjectName), (i64, Option<Instant>)>,
}

#[derive(Clone, Debug, Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        for (bucket, bound) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

impl Metrics {
    /// A reconcile ended: `outcome` is `ok` or the reason of its failure.
    pub fn reconciled(&self, kind: &str, outcome: &'static str, took: Duration) {
        self.with(|counts| {
            *counts.reconciles.entry((kind.to_owned(), outcome)).or_default() += 1;
            counts.durations.entry(kind.to_owned()).or_default().observe(took);
        });
    }

    /// Names that are due in a kind's queue.
    pub fn depth(&self, kind: &str, depth: usize) {
        self.with(|counts| {
            counts.depths.insert(kind.to_owned(), depth);
        });
    }

    /// A watch begins; an optional one may stay without its kind.
    pub fn watch_begins(&self, title: &str, optional: bool) {
        self.with(|counts| {
            counts.watches.insert(title.to_owned(), WatchState::Starting);
            counts.optional.insert(title.to_owned(), optional);
        });
    }

    /// How a watch fares.
    pub fn watch(&self, title: &str, state: WatchState) {
        self.with(|counts| {
            counts.watches.insert(title.to_owned(), state);
        });
    }

    /// How many objects a watch knows and how many of them cannot be understood.
    pub fn objects(&self, title: &str, objects: usize, undecodable: usize) {
        self.with(|counts| {
            counts.objects.insert(title.to_owned(), (objects, undecodable));
        });
    }

    /// A write to the API server: `outcome` is `ok` or the fault's word.
    pub fn wrote(&self, kind: &str, outcome: &'static str) {
        self.with(|counts| {
            *counts.writes.entry((kind.to_owned(), outcome)).or_default() += 1;
        });
    }

    /// Writes that went through, all kinds together.
    pub fn writes(&self) -> u64 {
        self.with(|counts| counts.writes.values().sum())
    }

    /// Whether this process leads.
    pub fn leader(&self, leads: bool) {
        self.with(|counts| counts.leader = leads);
    }

    /// A generation of an object is known from now on; `ran` where an operator before this one
    /// has already seen to it.
    pub fn generation_seen(&self, kind: &str, name: &ObjectName, generation: i64, ran: bool) {
        self.with(|counts| {
            let key = (kind.to_owned(), name.clone());
            let known = counts.open.get(&key).map(|(known, _)| *known);
            if known != Some(generation) {
                let since = (!ran).then(Instant::now);
                counts.open.insert(key, (generation, since));
            }
        });
    }

    /// A generation runs; its time is counted once.
    pub fn generation_programmed(&self, kind: &str, name: &ObjectName, generation: i64) {
        self.with(|counts| {
            let key = (kind.to_owned(), name.clone());
            let Some((known, since)) = counts.open.get_mut(&key) else { return };
            if *known == generation
                && let Some(since) = since.take()
            {
                let histogram = counts.programmed.entry(kind.to_owned()).or_default();
                histogram.observe(since.elapsed());
            }
        });
    }

    /// An object is gone.
    pub fn forget(&self, kind: &str, name: &ObjectName) {
        self.with(|counts| {
            counts.open.remove(&(kind.to_owned(), name.clone()));
        });
    }

    /// What is not there yet, one line each; nothing where the operator is ready.
    pub fn pending(&self) -> Vec<String> {
        self.with(|counts| {
            let needed = |title: &&String| !counts.optional.get(*title).copied().unwrap_or(false);
            let watches = counts.watches.iter().filter(|(title, _)| needed(title));
            let line = |(title, state): (&String, &WatchState)| match state {
                WatchState::Up => None,
                WatchState::Starting => Some(format!("{title}: not listed yet")),
                WatchState::Down { missing: true, .. } => Some(format!(
                    "{title}: the custom resource definition is missing; install the chart \
                     hearth-crds"
                )),
                WatchState::Down { missing: false, message } => Some(format!("{title}: {message}")),
            };
            watches.filter_map(line).collect()
        })
    }

    /// In Prometheus's text format.
    pub fn text(&self) -> String {
        self.with(|counts| counts.text())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Counts) -> T) -> T {
        // Counters stay usable whatever happened to who held them.
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counts {
    fn text(&self) -> String {
        let mut text = Text(String::new());
        text.family("hearth_operator_leader", "gauge", "whether this process leads");
        text.line("hearth_operator_leader", &[], f64::from(u8::from(self.leader)));
        text.family("hearth_operator_reconciles_total", "counter", "reconciles by outcome");
        for ((kind, outcome), count) in &self.reconciles {
            let labels = [("kind", kind.as_str()), ("outcome", *outcome)];
            text.line("hearth_operator_reconciles_total", &labels, *count as f64);
        }
        text.histograms("hearth_operator_reconcile_seconds", "time of one", &self.durations);
        text.histograms(
            "hearth_operator_programmed_seconds",
            "time from a generation's first sight to its being run",
            &self.programmed,
        );
        text.family("hearth_operator_queue_depth", "gauge", "names that are due");
        for (kind, depth) in &self.depths {
            text.line("hearth_operator_queue_depth", &[("kind", kind)], *depth as f64);
        }
        text.family("hearth_operator_writes_total", "counter", "writes to the API server");
        for ((kind, outcome), count) in &self.writes {
            let labels = [("kind", kind.as_str()), ("outcome", *outcome)];
            text.line("hearth_operator_writes_total", &labels, *count as f64);
        }
        self.watches_text(&mut text);
        text.0
    }

    fn watches_text(&self, text: &mut Text) {
        text.family("hearth_operator_watch_up", "gauge", "whether a watch runs");
        for (title, state) in &self.watches {
            let up = f64::from(u8::from(*state == WatchState::Up));
            text.line("hearth_operator_watch_up", &[("watch", title)], up);
        }
        text.family("hearth_operator_crd_missing", "gauge", "kinds that are not there");
        for (title, state) in &self.watches {
            let missing = matches!(state, WatchState::Down { missing: true, .. });
            let missing = f64::from(u8::from(missing));
            text.line("hearth_operator_crd_missing", &[("watch", title)], missing);
        }
        text.family("hearth_operator_objects", "gauge", "objects a watch knows");
        for (title, (objects, _)) in &self.objects {
            text.line("hearth_operator_objects", &[("watch", title)], *objects as f64);
        }
        text.family("hearth_operator_undecodable_objects", "gauge", "objects not understood");
        for (title, (_, undecodable)) in &self.objects {
            let labels = [("watch", title.as_str())];
            text.line("hearth_operator_undecodable_objects", &labels, *undecodable as f64);
        }
    }
}

/// The text format; writing to a string cannot fail.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    fn histograms(&mut self, name: &str, help: &str, all: &BTreeMap<String, Histogram>) {
        self.family(name, "histogram", help);
        for (kind, histogram) in all {
            let bucket = format!("{name}_bucket");
            for (count, bound) in histogram.buckets.iter().zip(BUCKETS) {
                let labels = [("kind", kind.as_str()), ("le", &bound.to_string())];
                self.line(&bucket, &labels, *count as f64);
            }
            let labels = [("kind", kind.as_str()), ("le", "+Inf")];
            self.line(&bucket, &labels, histogram.count as f64);
            self.line(&format!("{name}_sum"), &[("kind", kind)], histogram.sum);
            self.line(&format!("{name}_count"), &[("kind", kind)], histogram.count as f64);
        }
    }
}
