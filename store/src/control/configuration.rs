//! The configuration of a workspace.

use std::collections::BTreeSet;

use protocol::amp_api::configuration::{
    ConfigurationDescription, ConfigurationExtras, DescribeConfigurationResponse, LABEL_SETS_MAX,
    LimitsPerLabelSet, OUT_OF_ORDER_SECONDS_MAX, RETENTION_DAYS_MAX, RULE_QUERY_OFFSET_SECONDS_MAX,
    Reach, StatusResponse, UpdateConfigurationRequest,
};
use protocol::amp_api::error::FieldFault;
use protocol::amp_api::status::{Status, StatusCode};
use protocol::features::refusal;
use protocol::labels::is_legacy_label_name;
use protocol::limits::Limits;
use protocol::time::PromDuration;

use crate::catalog::Change;
use crate::catalog::record::{Configuration, Record, WorkspaceRecord};
use crate::catalog::state::State;
use crate::control::api::{Control, body};
use crate::control::error::ControlError;
use crate::control::lookup::{owned, record};
use crate::control::ports::Running;
use crate::control::request::ControlRequest;
use crate::http::answer::Answer;

const DAY_MS: i64 = 86_400_000;

/// DescribeWorkspaceConfiguration.
pub fn describe(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let record = record(control, &id)?;
    let running = control.data_plane.running(&id);
    let workspace_configuration = description(&record.configuration, &running);
    Ok(body(&DescribeConfigurationResponse { workspace_configuration }))
}

/// UpdateWorkspaceConfiguration.
pub async fn update(control: &Control, request: &ControlRequest) -> Result<Answer, ControlError> {
    let id = request.workspace()?;
    let input: UpdateConfigurationRequest = request.parse()?;
    let token = request.token(input.client_token.as_deref())?;
    let decide = |state: &State| {
        let record = owned(state, &id, &request.principal)?.record.as_ref().clone();
        let mut configuration = record.configuration.clone();
        let faults = merge(&mut configuration, input);
        if !faults.is_empty() {
            return Err(ControlError::Fields(faults));
        }
        let record = WorkspaceRecord { configuration, ..record };
        Ok(Change { records: vec![Record::Workspace(record)], answer: () })
    };
    control.change(&id, token, decide).await?;
    let record = record(control, &id)?;
    let status = status(&record.configuration, &control.data_plane.running(&id));
    Ok(body(&StatusResponse { status }))
}

/// Takes what a request says into a configuration; gives what is wrong with it.
fn merge(configuration: &mut Configuration, input: UpdateConfigurationRequest) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut bounded = |name: &str, value: Option<u32>, min: u32, max: u32| {
        let value = value?;
        let fits = (min..=max).contains(&value);
        if !fits {
            faults.push(FieldFault::new(name, format!("from {min} to {max}, not {value}")));
        }
        fits.then_some(value)
    };
    let days =
        bounded("retentionPeriodInDays", input.retention_period_in_days, 1, RETENTION_DAYS_MAX);
    let window = bounded(
        "outOfOrderTimeWindowInSeconds",
        input.out_of_order_time_window_in_seconds,
        0,
        OUT_OF_ORDER_SECONDS_MAX,
    );
    let offset = bounded(
        "ruleQueryOffsetInSeconds",
        input.rule_query_offset_in_seconds,
        0,
        RULE_QUERY_OFFSET_SECONDS_MAX,
    );
    let seconds = |seconds: u64| Reach::For(PromDuration::from_secs(seconds));
    if let Some(days) = days {
        configuration.retention = seconds(u64::from(days) * 86_400);
    }
    if let Some(window) = window {
        configuration.out_of_order = seconds(u64::from(window));
    }
    if let Some(offset) = offset {
        configuration.rule_query_offset_seconds = offset;
    }
    if let Some(sets) = input.limits_per_label_set {
        faults.extend(label_set_faults(&sets));
        configuration.limits_per_label_set = sets;
    }
    if let Some(extras) = input.hearth {
        faults.extend(merge_extras(configuration, extras));
    }
    faults
}

/// Takes what goes beyond AMP into a configuration; gives what is wrong with it.
pub fn merge_extras(
    configuration: &mut Configuration,
    extras: ConfigurationExtras,
) -> Vec<FieldFault> {
    let ConfigurationExtras {
        out_of_order,
        retention,
        features,
        limits,
        // Only in answers: a client that sends back what it read is not refused.
        content_hash: _,
        programmed_hash: _,
    } = extras;
    let mut faults = Vec::new();
    if let Some(out_of_order) = out_of_order {
        configuration.out_of_order = out_of_order;
    }
    match retention {
        Some(Reach::For(duration)) if duration.is_zero() => {
            let message = "must be longer than nothing; `unlimited` keeps for ever";
            faults.push(FieldFault::new("hearth.retention", message));
        }
        Some(retention) => configuration.retention = retention,
        None => {}
    }
    if let Some(flags) = features {
        let refused = flags.iter().filter_map(|flag| refusal(flag));
        faults.extend(refused.map(|message| FieldFault::new("hearth.features", message)));
        configuration.features = flags.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    }
    for (name, value) in limits.unwrap_or_default() {
        match Limits::default().set(&name, value) {
            Ok(()) => drop(configuration.limits.insert(name, value)),
            Err(unknown) => {
                faults.push(FieldFault::new(format!("hearth.limits.{name}"), unknown.to_string()));
            }
        }
    }
    faults
}

fn label_set_faults(sets: &[LimitsPerLabelSet]) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    if sets.len() > LABEL_SETS_MAX {
        let message = format!("at most {LABEL_SETS_MAX} label sets, not {}", sets.len());
        faults.push(FieldFault::new("limitsPerLabelSet", message));
    }
    for (at, set) in sets.iter().enumerate() {
        for (name, value) in &set.label_set {
            let good = is_legacy_label_name(name) && !value.is_empty() && value.is_ascii();
            if !good {
                let message = "a name of letters, digits and _, and a value of ASCII characters";
                let field = format!("limitsPerLabelSet[{at}].labelSet.{name}");
                faults.push(FieldFault::new(field, message));
            }
        }
        if sets[..at].iter().any(|earlier| earlier.label_set == set.label_set) {
            let field = format!("limitsPerLabelSet[{at}].labelSet");
            faults.push(FieldFault::new(field, "stands there twice"));
        }
    }
    faults
}

fn status(configuration: &Configuration, running: &Running) -> Status {
    match &running.configuration {
        Some(Ok(hash)) if *hash == configuration.hash() => Status::active(),
        Some(Err(reason)) => Status::because(StatusCode::UpdateFailed, reason),
        _ => Status { status_code: StatusCode::Updating, status_reason: None },
    }
}

fn description(configuration: &Configuration, running: &Running) -> ConfigurationDescription {
    let whole = |reach: Reach, unit_ms: i64| match reach {
        Reach::For(duration) if duration.as_millis() % unit_ms == 0 => {
            u32::try_from(duration.as_millis() / unit_ms).ok()
        }
        _ => None,
    };
    let limits = (!configuration.limits.is_empty()).then(|| configuration.limits.clone());
    ConfigurationDescription {
        status: status(configuration, running),
        limits_per_label_set: configuration.limits_per_label_set.clone(),
        retention_period_in_days: whole(configuration.retention, DAY_MS),
        out_of_order_time_window_in_seconds: whole(configuration.out_of_order, 1000),
        rule_query_offset_in_seconds: configuration.rule_query_offset_seconds,
        hearth: Some(ConfigurationExtras {
            out_of_order: Some(configuration.out_of_order),
            retention: Some(configuration.retention),
            features: Some(configuration.features.clone()),
            limits,
            content_hash: Some(configuration.hash()),
            programmed_hash: running.configuration.clone().and_then(Result::ok),
        }),
    }
}
