//! What the data plane can be asked.

use crate::http::access::right::{Right, Subresource, Verb};

/// One action; its permission in AMP's words is [`DataAction::permission`], in Kubernetes'
/// [`DataAction::right`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the paths in the table of routes")]
pub enum DataAction {
    RemoteWrite,
    OtlpMetrics,
    Query,
    QueryRange,
    QueryExemplars,
    FormatQuery,
    ParseQuery,
    Series,
    Labels,
    LabelValues,
    Metadata,
    Rules,
    Alerts,
    AlertManagers,
    Targets,
    BuildInfo,
    StatusConfig,
    StatusFlags,
    RuntimeInfo,
    StatusTsdb,
    Features,
    AmStatus,
    AmReceivers,
    AmListAlerts,
    AmPostAlerts,
    AmAlertGroups,
    AmListSilences,
    AmPutSilence,
    AmGetSilence,
    AmDeleteSilence,
    AmHealthy,
    Deliveries,
    Federate,
    NotBuilt,
}

impl DataAction {
    /// The permission that allows it, as in `aps:QueryMetrics`.
    pub const fn permission(self) -> &'static str {
        match self {
            Self::RemoteWrite | Self::OtlpMetrics => "RemoteWrite",
            Self::Query
            | Self::QueryRange
            | Self::QueryExemplars
            | Self::FormatQuery
            | Self::ParseQuery
            | Self::BuildInfo
            | Self::StatusConfig
            | Self::StatusFlags
            | Self::RuntimeInfo
            | Self::StatusTsdb
            | Self::Features
            | Self::Federate
            | Self::NotBuilt
            | Self::Targets => "QueryMetrics",
            Self::Series => "GetSeries",
            Self::Labels | Self::LabelValues => "GetLabels",
            Self::Metadata => "GetMetricMetadata",
            Self::Rules => "ListRules",
            Self::Alerts | Self::AlertManagers => "ListAlerts",
            Self::AmStatus | Self::AmHealthy => "GetAlertManagerStatus",
            Self::AmReceivers | Self::Deliveries => "ListAlertManagerReceivers",
            Self::AmListAlerts => "ListAlertManagerAlerts",
            Self::AmPostAlerts => "CreateAlertManagerAlerts",
            Self::AmAlertGroups => "ListAlertManagerAlertGroups",
            Self::AmListSilences => "ListAlertManagerSilences",
            Self::AmPutSilence => "PutAlertManagerSilences",
            Self::AmGetSilence => "GetAlertManagerSilence",
            Self::AmDeleteSilence => "DeleteAlertManagerSilence",
        }
    }

    /// What it needs in Kubernetes.
    pub const fn right(self) -> Right {
        let (part, verb) = match self {
            Self::RemoteWrite | Self::OtlpMetrics => (Subresource::RemoteWrite, Verb::Create),
            Self::Query
            | Self::QueryRange
            | Self::QueryExemplars
            | Self::FormatQuery
            | Self::ParseQuery
            | Self::Series
            | Self::Labels
            | Self::LabelValues
            | Self::Metadata
            | Self::Targets
            | Self::BuildInfo
            | Self::StatusConfig
            | Self::StatusFlags
            | Self::RuntimeInfo
            | Self::StatusTsdb
            | Self::Features
            | Self::Federate
            | Self::NotBuilt => (Subresource::Query, Verb::Get),
            Self::Rules => (Subresource::Rules, Verb::Get),
            Self::Alerts
            | Self::AlertManagers
            | Self::Deliveries
            | Self::AmStatus
            | Self::AmHealthy
            | Self::AmReceivers
            | Self::AmListAlerts
            | Self::AmAlertGroups => (Subresource::Alerts, Verb::Get),
            Self::AmPostAlerts => (Subresource::Alerts, Verb::Create),
            Self::AmListSilences | Self::AmGetSilence => (Subresource::Silences, Verb::Get),
            Self::AmPutSilence => (Subresource::Silences, Verb::Create),
            Self::AmDeleteSilence => (Subresource::Silences, Verb::Delete),
        };
        Right::Data(part, verb)
    }

    /// Whether it speaks Alertmanager's API, errors included.
    pub const fn is_alert_manager(self) -> bool {
        matches!(
            self,
            Self::AmStatus
                | Self::AmReceivers
                | Self::AmListAlerts
                | Self::AmPostAlerts
                | Self::AmAlertGroups
                | Self::AmListSilences
                | Self::AmPutSilence
                | Self::AmGetSilence
                | Self::AmDeleteSilence
                | Self::AmHealthy
        )
    }

    /// Whether the body is a form that holds parameters.
    pub const fn takes_form(self) -> bool {
        !matches!(
            self,
            Self::RemoteWrite | Self::OtlpMetrics | Self::AmPostAlerts | Self::AmPutSilence
        )
    }
}
