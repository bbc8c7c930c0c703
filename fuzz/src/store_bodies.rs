//! Hostile bytes for `store`.

use alertmanager::api::{AlertQuery, SilenceQuery};
use bytes::Bytes;
use protocol::amp_api::alert_manager::PutDefinitionRequest;
use protocol::amp_api::configuration::UpdateConfigurationRequest;
use protocol::amp_api::rule_namespaces::CreateRuleNamespaceRequest;
use protocol::amp_api::secrets::PutSecretRequest;
use protocol::amp_api::tags::TagsDocument;
use protocol::amp_api::workspaces::{CreateWorkspaceRequest, UpdateWorkspaceAliasRequest};
use rules::api::RulesFilter;
use store::catalog::snapshot::Mark;
use store::catalog::state::State;
use store::catalog::{record, snapshot};
use store::control::action::ControlAction;
use store::control::page::Page;
use store::control::request::ControlRequest;
use store::http::labels::unescaped;
use store::http::params::Params;
use store::http::times::{duration_parameter, limit_parameter, time_parameter};
use store::principal::Principal;

/// Bodies of the control API, each read as every shape there is; refusals name the field.
pub fn control_api(bytes: &[u8]) {
    let request = ControlRequest {
        action: ControlAction::CreateWorkspace,
        captures: Vec::new(),
        query: Params::default(),
        body: Bytes::copy_from_slice(bytes),
        principal: Principal::outside(),
        now_ms: 0,
    };
    drop(request.parse::<CreateWorkspaceRequest>());
    drop(request.parse::<UpdateWorkspaceAliasRequest>());
    drop(request.parse::<UpdateConfigurationRequest>());
    drop(request.parse::<PutDefinitionRequest>());
    drop(request.parse::<CreateRuleNamespaceRequest>());
    drop(request.parse::<PutSecretRequest>());
    drop(request.parse::<TagsDocument>());
}

/// Query strings and forms: every value as every kind of parameter.
pub fn parameters(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let params = Params::parse(text);
    drop(Page::from_query(&params));
    drop(RulesFilter::from_parameters(params.pairs()));
    drop(AlertQuery::parse(params.pairs()));
    drop(SilenceQuery::parse(params.pairs()));
    for (name, value) in params.pairs() {
        drop(time_parameter(&params, name));
        drop(duration_parameter(&params, name));
        drop(limit_parameter(&params, name));
        let name = unescaped(value);
        assert!(name.len() <= value.len(), "{value:?} grew to {name:?}");
    }
}

/// An entry of the catalog's log, or a snapshot; the state it makes comes back as it was.
pub fn catalog(bytes: &[u8]) {
    if let Ok(records) = record::decode(bytes) {
        let mut state = State::default();
        records.into_iter().for_each(|record| state.apply(record));
        comes_back(&state);
    }
    if let Ok(state) = snapshot::decode(bytes, Mark::default()) {
        comes_back(&state);
    }
}

fn comes_back(state: &State) {
    let bytes = snapshot::encode(state).expect("a state is plain data");
    let again = snapshot::decode(&bytes, Mark::default()).expect("what is written can be read");
    assert_eq!(&again, state);
}
