//! A request of the control API, and how it becomes types.

use bytes::Bytes;
use protocol::amp_api::error::FieldFault;
use protocol::workspace::WorkspaceId;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::catalog::Token;
use crate::catalog::record::content_hash;
use crate::control::action::ControlAction;
use crate::control::error::{ControlError, Kind};
use crate::http::params::Params;
use crate::principal::Principal;

/// What came, before it is understood.
#[derive(Clone, Debug)]
pub struct ControlRequest {
    /// What is asked.
    pub action: ControlAction,
    /// What the path named, in order.
    pub captures: Vec<String>,
    /// The query string.
    pub query: Params,
    /// JSON, or nothing.
    pub body: Bytes,
    /// Who asks.
    pub principal: Principal,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

impl ControlRequest {
    /// The workspace in the path. An id that cannot be one does not exist.
    pub fn workspace(&self) -> Result<WorkspaceId, ControlError> {
        let text = self.captures.first().map_or("", String::as_str);
        text.parse().map_err(|_| ControlError::NotFound {
            kind: Kind::Workspace,
            id: text.chars().take(80).collect(),
        })
    }

    /// The name behind the workspace in the path.
    pub fn name(&self) -> &str {
        self.captures.get(1).map_or("", String::as_str)
    }

    /// The body as a type; what is wrong is told by field.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ControlError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return from_object(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(fields)) => from_object(fields),
            Ok(_) => Err(ControlError::CannotParse("it is not an object".into())),
            Err(error) => Err(ControlError::CannotParse(error.to_string())),
        }
    }

    /// The client token, in the body or (of a DELETE) in the query string.
    pub fn token(&self, in_body: Option<&str>) -> Result<Option<Token>, ControlError> {
        let Some(token) = in_body.or_else(|| self.query.get("clientToken")) else {
            return Ok(None);
        };
        if !(1..=64).contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_graphic()) {
            let message = "1 to 64 visible ASCII characters";
            return Err(ControlError::field("clientToken", message));
        }
        // Two users never share an answer, though the owner of both is `api`.
        let user = self.principal.user.as_deref().map_or(String::new(), |user| format!("{user}|"));
        let key = format!("{user}{}|{:?}|{token}", self.principal.owner, self.action);
        let asked = [self.captures.join("\n").as_bytes(), b"\n", &self.body].concat();
        Ok(Some(Token { key, request_hash: content_hash(&asked) }))
    }
}

fn from_object<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, ControlError> {
    T::deserialize(Value::Object(fields.clone())).map_err(|error| {
        let message = error.to_string();
        ControlError::Fields(vec![FieldFault::new(culprit::<T>(&fields, &message), message)])
    })
}

/// The field at which reading ends: all that come before it give another error, or none. Searched
/// by halves, so that a body of a hundred thousand fields costs a few readings and not as many.
fn culprit<T: DeserializeOwned>(fields: &Map<String, Value>, message: &str) -> String {
    if let Some(missing) = message.strip_prefix("missing field `") {
        return missing.split('`').next().unwrap_or_default().to_owned();
    }
    let fails_alike = |count: usize| {
        let some = fields.iter().take(count).map(|(name, value)| (name.clone(), value.clone()));
        T::deserialize(Value::Object(some.collect()))
            .is_err_and(|error| error.to_string() == message)
    };
    let (mut good, mut bad) = (0, fields.len());
    while good + 1 < bad {
        let middle = good.midpoint(bad);
        if fails_alike(middle) { bad = middle } else { good = middle }
    }
    fields.keys().nth(good).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use protocol::amp_api::rule_namespaces::CreateRuleNamespaceRequest;

    use super::*;

    fn faults(body: &'static str) -> ControlError {
        let request = ControlRequest {
            action: ControlAction::CreateRuleGroupsNamespace,
            captures: vec!["ws-1".into()],
            query: Params::default(),
            body: Bytes::from_static(body.as_bytes()),
            principal: Principal::outside(),
            now_ms: 0,
        };
        request.parse::<CreateRuleNamespaceRequest>().expect_err(body)
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (body, field) in [
            ("", "name"),
            (r#"{"name":"a"}"#, "data"),
            (r#"{"name":"a","data":"%"}"#, "data"),
            (r#"{"name":"a","data":"","tags":3}"#, "tags"),
        ] {
            match faults(body) {
                ControlError::Fields(faults) => assert_eq!(faults[0].name, field, "{body}"),
                other => panic!("{body}: {other}"),
            }
        }
        assert!(matches!(faults("{"), ControlError::CannotParse(_)));
        assert!(matches!(faults("[]"), ControlError::CannotParse(_)));
    }
}
