//! The verdict on a spec, the same as the webhook's.
//!
//! Judged once a generation and off the threads that wait for others: unit tests of rules take
//! their time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt as _;
use protocol::fault::Fault;

use crate::control::health::cut;
use crate::runtime::apply::Applicable;
use crate::runtime::cache::name_of;
use crate::settings::ObjectName;

/// Faults told in one condition; the first few say enough.
const FAULTS_TOLD_MAX: usize = 5;

/// Good, or a word and a sentence.
pub type Verdict = Result<(), (&'static str, String)>;

/// An object's identity, its generation and what was judged of it.
type Judged = (Option<String>, Option<i64>, Verdict);

/// Verdicts by object.
#[derive(Debug, Default)]
pub struct Verdicts {
    known: Mutex<BTreeMap<ObjectName, Judged>>,
}

impl Verdicts {
    /// The verdict on an object's spec.
    pub async fn of<K: Applicable>(
        &self,
        object: &Arc<K>,
        judge: impl Fn(&K) -> Vec<Fault> + Send + 'static,
    ) -> Verdict {
        let name = name_of(object.as_ref());
        let (uid, generation) = (object.uid(), object.meta().generation);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some((known_uid, known_generation, verdict)) = known
            && generation.is_some()
            && (&known_uid, known_generation) == (&uid, generation)
        {
            return verdict;
        }
        let judged = Arc::clone(object);
        let faults = tokio::task::spawn_blocking(move || judge(&judged)).await;
        let verdict = match faults {
            Ok(faults) => verdict(&faults),
            Err(error) => Err(("Defect", format!("the check of the spec has a defect: {error}"))),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name, (uid, generation, verdict.clone()));
        verdict
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, name: &ObjectName) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Faults in one sentence.
fn verdict(faults: &[Fault]) -> Verdict {
    if faults.is_empty() {
        return Ok(());
    }
    let told = faults.iter().take(FAULTS_TOLD_MAX).map(|fault| cut(&fault.to_string()));
    let mut message = told.collect::<Vec<_>>().join("; ");
    if faults.len() > FAULTS_TOLD_MAX {
        message = format!("{message}; and {} more", faults.len() - FAULTS_TOLD_MAX);
    }
    Err(("Invalid", message))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crds::workspace::{Workspace, WorkspaceSpec};

    use super::*;

    #[tokio::test]
    async fn a_generation_is_judged_once_and_the_next_one_again() {
        let verdicts = Verdicts::default();
        let count = Arc::new(AtomicUsize::new(0));
        let mut workspace = Workspace::new("main", WorkspaceSpec::default());
        for (generation, judged) in [(1, 1), (1, 1), (2, 2)] {
            workspace.metadata.generation = Some(generation);
            let counted = Arc::clone(&count);
            let object = Arc::new(workspace.clone());
            let verdict = verdicts.of(&object, move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                vec![Fault::at_path("spec.alias", "too long"); 7]
            });
            let (reason, message) = verdict.await.expect_err("faults");
            assert_eq!(reason, "Invalid");
            assert!(message.starts_with("spec.alias: too long; "), "{message}");
            assert!(message.ends_with("; and 2 more"), "{message}");
            assert_eq!(count.load(Ordering::Relaxed), judged);
        }
    }
}
