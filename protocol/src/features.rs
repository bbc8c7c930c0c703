//! Feature flags of a workspace: Prometheus's names.

/// What a flag does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes what queries mean; off where it is not named.
    Switch,
    /// Always on here; naming it changes nothing.
    AlwaysOn,
    /// Known to Prometheus, not there yet.
    NotBuilt,
}

/// Every flag we know.
pub const FEATURES: &[(&str, Effect)] = &[
    ("promql-experimental-functions", Effect::Switch),
    ("promql-extended-range-selectors", Effect::Switch),
    ("promql-binop-fill-modifiers", Effect::Switch),
    ("promql-delayed-name-removal", Effect::Switch),
    ("promql-duration-expr", Effect::AlwaysOn),
    ("native-histograms", Effect::AlwaysOn),
    ("use-start-timestamps", Effect::NotBuilt),
    ("type-and-unit-labels", Effect::NotBuilt),
    ("promql-per-step-stats", Effect::NotBuilt),
    ("exemplar-storage", Effect::AlwaysOn),
    ("search-api", Effect::NotBuilt),
];

/// Why a flag that a user names is refused.
pub fn refusal(flag: &str) -> Option<String> {
    let effect = FEATURES.iter().find(|(name, _)| *name == flag).map(|(_, effect)| *effect);
    match effect {
        Some(Effect::Switch | Effect::AlwaysOn) => None,
        Some(Effect::NotBuilt) => Some(format!("{flag} is not built yet")),
        None => {
            let known: Vec<_> = FEATURES.iter().map(|(name, _)| *name).collect();
            Some(format!("there is no feature {flag:?}; features are {}", known.join(", ")))
        }
    }
}
