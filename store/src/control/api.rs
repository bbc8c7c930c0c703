//! What requests of the control API work with.

use std::sync::Arc;

use protocol::amp_api::arn::{Arn, Resource};
use protocol::workspace::WorkspaceId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use world::world::World;

use crate::catalog::state::State;
use crate::catalog::{Catalog, Change, Token};
use crate::control::error::ControlError;
use crate::control::ports::{Checks, DataPlane};
use crate::http::answer::Answer;

/// The control API.
pub struct Control {
    /// The definitions.
    pub catalog: Arc<Catalog>,
    /// What runs them.
    pub data_plane: Arc<dyn DataPlane>,
    /// What judges them.
    pub checks: Checks,
    /// Names.
    pub naming: Naming,
    /// Randomness for new ids, threads for long checks.
    pub world: World,
}

impl Control {
    /// Decides and stores a change, then programs the workspace.
    pub async fn change<A: Serialize + DeserializeOwned>(
        &self,
        id: &WorkspaceId,
        token: Option<Token>,
        decide: impl FnOnce(&State) -> Result<Change<A>, ControlError>,
    ) -> Result<A, ControlError> {
        let answer = self.catalog.change(token, decide).await?;
        self.data_plane.program(id).await;
        Ok(answer)
    }
}

/// Names that answers are made of.
#[derive(Clone, Debug)]
pub struct Naming {
    /// In ARNs.
    pub region: String,
    /// In ARNs.
    pub account: String,
    /// Base URL under which clients reach the store, without a slash at its end.
    pub external_url: String,
}

impl Naming {
    /// The full name of a resource.
    pub fn arn(&self, resource: Resource) -> String {
        Arn { region: self.region.clone(), account: self.account.clone(), resource }.to_string()
    }

    /// Where the data plane of a workspace stands.
    pub fn endpoint(&self, id: &WorkspaceId) -> String {
        format!("{}/workspaces/{id}/", self.external_url)
    }
}

/// A body of JSON; the status comes from the action.
pub fn body(value: &impl Serialize) -> Answer {
    Answer::json(http::StatusCode::OK, value)
}

/// No body; the status comes from the action.
pub fn no_body() -> Answer {
    Answer::empty(http::StatusCode::OK)
}
