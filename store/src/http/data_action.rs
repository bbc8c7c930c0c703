//! What the data plane can be asked.

/// One action; its permission in AMP's words is [`DataAction::permission`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the paths in the table of routes")]
pub enum DataAction {
    RemoteWrite,
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
            Self::RemoteWrite => "RemoteWrite",
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
        !matches!(self, Self::RemoteWrite | Self::AmPostAlerts | Self::AmPutSilence)
    }
}
