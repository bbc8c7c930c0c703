//! ARNs: the full names of AMP's resources.
//!
//! `arn:aws:aps:<region>:<account>:<resource>`; the region and the account are settings of a store.

use std::fmt;
use std::str::FromStr;

use crate::workspace::WorkspaceId;

/// What an ARN names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// `workspace/ws-...`
    Workspace(WorkspaceId),
    /// `rulegroupsnamespace/ws-.../NAME`
    RuleGroupsNamespace(WorkspaceId, String),
    /// `scraper/s-...`
    Scraper(String),
    /// `anomalydetector/ws-.../ad-...`
    AnomalyDetector(WorkspaceId, String),
}

/// The full name of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// For example `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// The thing.
    pub resource: Resource,
}

/// Why a text is no ARN of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ARN of the form arn:aws:aps:REGION:ACCOUNT:RESOURCE")]
pub struct ArnError(pub String);

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(id) => write!(f, "workspace/{id}"),
            Self::RuleGroupsNamespace(id, name) => write!(f, "rulegroupsnamespace/{id}/{name}"),
            Self::Scraper(id) => write!(f, "scraper/{id}"),
            Self::AnomalyDetector(id, name) => write!(f, "anomalydetector/{id}/{name}"),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:aps:{}:{}:{}", self.region, self.account, self.resource)
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let fault = || ArnError(text.chars().take(200).collect());
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", "aws", "aps", region, account, resource] = parts[..] else {
            return Err(fault());
        };
        let (kind, rest) = resource.split_once('/').ok_or_else(fault)?;
        let resource = match (kind, rest.split_once('/')) {
            ("workspace", None) => Resource::Workspace(rest.parse().map_err(|_| fault())?),
            ("scraper", None) => Resource::Scraper(rest.to_owned()),
            ("rulegroupsnamespace", Some((id, name))) if !name.is_empty() => {
                Resource::RuleGroupsNamespace(id.parse().map_err(|_| fault())?, name.to_owned())
            }
            ("anomalydetector", Some((id, name))) if !name.is_empty() => {
                Resource::AnomalyDetector(id.parse().map_err(|_| fault())?, name.to_owned())
            }
            _ => return Err(fault()),
        };
        Ok(Self { region: region.to_owned(), account: account.to_owned(), resource })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_print_as_they_were_read() {
        for text in [
            "arn:aws:aps:us-east-1:000000000000:workspace/ws-1",
            "arn:aws:aps:us-east-1:000000000000:rulegroupsnamespace/ws-1/a b/c",
            "arn:aws:aps:eu-west-1:123456789012:scraper/s-1",
            "arn:aws:aps:eu-west-1:123456789012:anomalydetector/ws-1/ad-1",
        ] {
            assert_eq!(text.parse::<Arn>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_arn_of_ours_is_refused() {
        for text in [
            "",
            "ws-1",
            "arn:aws:s3:::bucket",
            "arn:aws:aps:r:a:workspace/",
            "arn:aws:aps:r:a:workspace/../x",
            "arn:aws:aps:r:a:rulegroupsnamespace/ws-1",
            "arn:aws:aps:r:a:rulegroupsnamespace/ws-1/",
        ] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }
}
