//! Conditions: what was seen, told in kstatus's words.   (pure)
//!
//! Ready is always there. Reconciling and Stalled are there only while True, never both: then
//! Helm, Flux and Argo CD understand every kind without a script.

use crds::status::CommonStatus;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// What the API server takes of a condition's message.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl Holds {
    /// As Kubernetes writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One condition of a kind: Accepted, ResolvedRefs, Programmed, Healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its type.
    pub type_: &'static str,
    /// Whether it holds.
    pub holds: Holds,
    /// One CamelCase word.
    pub reason: String,
    /// A sentence that names the culprit and the cure.
    pub message: String,
}

impl Said {
    /// It holds.
    pub fn yes(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), message.into());
        Self { type_, holds: Holds::True, reason, message }
    }

    /// It does not hold.
    pub fn no(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), message.into());
        Self { type_, holds: Holds::False, reason, message }
    }

    /// Nobody knows.
    pub fn unknown(type_: &'static str, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), message.into());
        Self { type_, holds: Holds::Unknown, reason, message }
    }
}

/// Where an object stands as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All is as the spec says.
    Ready {
        /// A sentence.
        message: String,
    },
    /// On the way; it gets there without anybody doing anything.
    Reconciling {
        /// One CamelCase word.
        reason: String,
        /// What is waited for.
        message: String,
    },
    /// Stuck until somebody changes something.
    Stalled {
        /// One CamelCase word.
        reason: String,
        /// The culprit and the cure.
        message: String,
    },
}

impl Progress {
    /// All is as the spec says.
    pub fn ready(message: impl Into<String>) -> Self {
        Self::Ready { message: message.into() }
    }

    /// On the way.
    pub fn reconciling(reason: &str, message: impl Into<String>) -> Self {
        Self::Reconciling { reason: reason.to_owned(), message: message.into() }
    }

    /// Stuck until somebody changes something.
    pub fn stalled(reason: &str, message: impl Into<String>) -> Self {
        Self::Stalled { reason: reason.to_owned(), message: message.into() }
    }

    fn conditions(&self) -> Vec<Said> {
        match self {
            Self::Ready { message } => vec![Said::yes("Ready", "Ready", message.clone())],
            Self::Reconciling { reason, message } => vec![
                Said::no("Ready", reason, message.clone()),
                Said::yes("Reconciling", reason, message.clone()),
            ],
            Self::Stalled { reason, message } => vec![
                Said::no("Ready", reason, message.clone()),
                Said::yes("Stalled", reason, message.clone()),
            ],
        }
    }
}

/// The common part of a status: Ready and its companions first, the kind's own after them. Times of
/// conditions whose status stays the same are kept.
pub fn common(
    before: Option<&CommonStatus>,
    generation: Option<i64>,
    progress: &Progress,
    own: Vec<Said>,
    now: Timestamp,
) -> CommonStatus {
    let before = before.map(|common| common.conditions.as_slice()).unwrap_or_default();
    let said = progress.conditions().into_iter().chain(own);
    let conditions = said.map(|said| condition(before, generation, said, now)).collect();
    // Whoever writes the status says who that is.
    CommonStatus { observed_generation: generation, conditions, operator: None }
}

/// The common part after a reconcile that did not get through: what was known of the kind's own
/// conditions stays.
pub fn after_failure(
    before: Option<&CommonStatus>,
    generation: Option<i64>,
    (passes, reason, message): (bool, &str, &str),
    now: Timestamp,
) -> CommonStatus {
    let progress = if passes {
        Progress::reconciling(reason, message)
    } else {
        Progress::stalled(reason, message)
    };
    let mut common = common(before, generation, &progress, Vec::new(), now);
    let kept = before.map(|common| common.conditions.clone()).unwrap_or_default();
    let whole = ["Ready", "Reconciling", "Stalled"];
    common.conditions.extend(kept.into_iter().filter(|c| !whole.contains(&c.type_.as_str())));
    common
}

/// The status of a condition, where it is there.
pub fn holds(common: &CommonStatus, type_: &str) -> Option<Holds> {
    let found = common.conditions.iter().find(|condition| condition.type_ == type_)?;
    match found.status.as_str() {
        "True" => Some(Holds::True),
        "False" => Some(Holds::False),
        _ => Some(Holds::Unknown),
    }
}

fn condition(
    before: &[Condition],
    generation: Option<i64>,
    said: Said,
    now: Timestamp,
) -> Condition {
    let Said { type_, holds, reason, message } = said;
    let known = before.iter().find(|known| known.type_ == type_);
    let since = known.filter(|known| known.status == holds.word());
    // The API server keeps whole seconds; anything finer would differ from what it gives back.
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Condition {
        last_transition_time: since.map_or(Time(whole), |known| known.last_transition_time.clone()),
        message: shortened(message),
        observed_generation: generation,
        reason,
        status: holds.word().to_owned(),
        type_: type_.to_owned(),
    }
}

fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let fits = (0..=MESSAGE_BYTES_MAX).rev().find(|at| message.is_char_boundary(*at));
        message.truncate(fits.unwrap_or(0));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn types(common: &CommonStatus) -> Vec<(&str, &str, i64)> {
        let line = |c: &'_ Condition| c.last_transition_time.0.as_second();
        common.conditions.iter().map(|c| (c.type_.as_str(), c.status.as_str(), line(c))).collect()
    }

    #[test]
    fn reconciling_and_stalled_are_there_only_while_true() {
        let waits = Progress::reconciling("Starting", "the pod is not ready yet");
        let first = common(None, Some(1), &waits, vec![], at(10));
        assert_eq!(types(&first), [("Ready", "False", 10), ("Reconciling", "True", 10)]);
        let stuck = Progress::stalled("VolumeShrinks", "10Gi is less than 20Gi");
        let second = common(Some(&first), Some(2), &stuck, vec![], at(20));
        assert_eq!(types(&second), [("Ready", "False", 10), ("Stalled", "True", 20)]);
        let third = common(Some(&second), Some(3), &Progress::ready(""), vec![], at(30));
        assert_eq!(types(&third), [("Ready", "True", 30)]);
        assert_eq!(third.observed_generation, Some(3));
    }

    #[test]
    fn the_same_again_is_equal_to_the_last_bit() {
        let own = vec![Said::yes("Accepted", "Accepted", "valid")];
        let first = common(None, Some(1), &Progress::ready("runs"), own.clone(), at(10));
        let again = common(Some(&first), Some(1), &Progress::ready("runs"), own, at(999));
        assert_eq!(first, again);
    }

    #[test]
    fn a_failure_keeps_what_was_known_of_the_rest() {
        let own = vec![Said::yes("Programmed", "Programmed", "")];
        let good = common(None, Some(1), &Progress::ready(""), own, at(10));
        let bad = after_failure(Some(&good), Some(1), (true, "ApiServerError", "500"), at(20));
        let expected =
            [("Ready", "False", 20), ("Reconciling", "True", 20), ("Programmed", "True", 10)];
        assert_eq!(types(&bad), expected);
        let worse = after_failure(Some(&bad), Some(1), (false, "ApiForbidden", "403"), at(30));
        let expected =
            [("Ready", "False", 20), ("Stalled", "True", 30), ("Programmed", "True", 10)];
        assert_eq!(types(&worse), expected);
    }
}
