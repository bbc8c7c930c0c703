//! One thing to scrape: its address, its labels, its place in time.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::labels::Labels;

use crate::sample_labels::RESERVED_PREFIX;

/// A target after relabelling. Two of the same labels and URL are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The job whose configuration found it.
    pub job_name: String,
    /// Before relabelling, for display.
    pub discovered: Labels,
    /// After relabelling; those of the prefix `__` steer the scrape and reach no series.
    pub labels: Labels,
    /// What is asked for.
    pub url: String,
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Identity, and the source of the offset.
    pub hash: u64,
}

impl Target {
    /// Puts a target together; the interval is above zero and not below the timeout.
    pub fn new(
        job_name: &str,
        discovered: Labels,
        labels: Labels,
        params: &BTreeMap<String, Vec<String>>,
        (interval, timeout): (Duration, Duration),
    ) -> Result<Self, String> {
        let url = url_of(&labels, params)?;
        let mut hash = Fnv64::default();
        hash.write(format!("{:016}", labels.stable_hash()).as_bytes());
        hash.write(url.as_bytes());
        let job_name = job_name.to_owned();
        Ok(Self { job_name, discovered, labels, url, interval, timeout, hash: hash.0 })
    }

    /// The labels that every series of the target bears.
    pub fn public_labels(&self) -> Labels {
        Labels::from_pairs(
            self.labels.iter().filter(|(name, _)| !name.starts_with(RESERVED_PREFIX)),
        )
    }

    /// How long after `now_ns` (since 1970) the next scrape is due: each target has its own moment
    /// within the interval, the same after every restart.
    pub fn offset(&self, now_ns: u64, seed: u64) -> Duration {
        let interval = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        let base = interval - now_ns % interval;
        let next = base + (self.hash ^ seed) % interval;
        Duration::from_nanos(if next > interval { next - interval } else { next })
    }
}

/// The URL of the labels `__scheme__`, `__address__`, `__metrics_path__` and `__param_*`.
fn url_of(labels: &Labels, params: &BTreeMap<String, Vec<String>>) -> Result<String, String> {
    let (scheme, address) = (labels.value("__scheme__"), labels.value("__address__"));
    let base = format!("{scheme}://{address}");
    let mut url = reqwest::Url::parse(&base).map_err(|error| format!("{base:?}: {error}"))?;
    url.set_path(labels.value("__metrics_path__"));
    let mut params = params.clone();
    for (name, value) in labels.iter() {
        let Some(name) = name.strip_prefix("__param_") else { continue };
        let values = params.entry(name.to_owned()).or_default();
        match values.first_mut() {
            Some(first) => value.clone_into(first),
            None => values.push(value.to_owned()),
        }
    }
    if params.values().any(|values| !values.is_empty()) {
        let mut query = url.query_pairs_mut();
        for (name, values) in &params {
            for value in values {
                query.append_pair(name, value);
            }
        }
    }
    Ok(url.into())
}

/// FNV-1a of 64 bits: spreads targets the same way in every process.
#[derive(Clone, Copy, Debug)]
pub struct Fnv64(pub u64);

impl Default for Fnv64 {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv64 {
    /// Takes more bytes in.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
