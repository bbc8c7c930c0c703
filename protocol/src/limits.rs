//! Every limit of a workspace: name, default, unit.
//!
//! One table makes the struct, the names on the wire (`hearth.limits` of a workspace configuration)
//! and the documentation. 0 means: no limit. Who enforces a limit names it and its value when it
//! refuses something.

/// One limit, for documentation and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitInfo {
    /// As it stands in JSON and YAML.
    pub name: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// Where nothing is said.
    pub default: u64,
    /// What it holds down.
    pub about: &'static str,
}

/// Why a limit could not be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no limit {name:?}; limits are {known}")]
pub struct UnknownLimit {
    /// What was asked for.
    pub name: String,
    /// All names there are.
    pub known: String,
}

macro_rules! limits {
    ($($field:ident $name:literal $unit:literal $default:literal $about:literal;)*) => {
        /// The limits of one workspace.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $about] #[doc = concat!(" Unit: ", $unit, ".")] pub $field: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// All limits, in the order of the documentation.
        pub const LIMITS: &[LimitInfo] = &[
            $(LimitInfo { name: $name, unit: $unit, default: $default, about: $about },)*
        ];

        impl Limits {
            /// Sets the limit of this name.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), UnknownLimit> {
                match name {
                    $($name => self.$field = value,)*
                    _ => return Err(unknown(name)),
                }
                Ok(())
            }

            /// The limit of this name.
            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $($name => Some(self.$field),)*
                    _ => None,
                }
            }
        }
    };
}

limits! {
    active_series_max "activeSeries" "series" 10_000_000
        "Series that received a sample lately.";
    labels_per_series_max "labelsPerSeries" "labels" 150
        "Labels of one series, the metric's name included.";
    label_name_bytes_max "labelNameBytes" "bytes" 1024
        "Length of a label's name.";
    label_value_bytes_max "labelValueBytes" "bytes" 16_384
        "Length of a label's value.";
    query_samples_max "querySamples" "samples" 50_000_000
        "Samples that one query holds in memory at once.";
    query_seconds_max "querySeconds" "seconds" 120
        "How long one query may run; a request can ask for less.";
    query_points_max "queryPoints" "points" 11_000
        "Steps of a range query, that is points of each of its series.";
    queries_at_once_max "queriesAtOnce" "queries" 20
        "Queries that run at one time; more wait in line.";
    writes_at_once_max "writesAtOnce" "requests" 64
        "Remote writes that are worked on at one time; more are told to come again.";
    ingested_samples_per_second_max "ingestedSamplesPerSecond" "samples per second" 1_000_000
        "Samples and metadata that remote writes bring, on average; more are told to come again.";
    ingested_samples_burst_max "ingestedSamplesBurst" "samples" 4_000_000
        "What may come at once beyond the average; 0: as much as a second brings.";
    rule_namespaces_max "ruleNamespaces" "namespaces" 1_000
        "Rule groups namespaces.";
    definition_bytes_max "definitionBytes" "bytes" 1_048_576
        "Size of a rule file or of an alert manager definition.";
    secrets_max "secrets" "secrets" 1_000
        "Secrets that definitions refer to.";
}

fn unknown(name: &str) -> UnknownLimit {
    let known: Vec<_> = LIMITS.iter().map(|limit| limit.name).collect();
    UnknownLimit { name: name.to_owned(), known: known.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_read_and_set_by_its_name() {
        let mut limits = Limits::default();
        for info in LIMITS {
            assert_eq!(limits.get(info.name), Some(info.default), "{}", info.name);
            limits.set(info.name, 7).expect("a limit of the table");
            assert_eq!(limits.get(info.name), Some(7));
        }
        let refused = limits.set("serie", 1).expect_err("no such limit");
        assert!(refused.to_string().contains("activeSeries"), "{refused}");
    }
}
