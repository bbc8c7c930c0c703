//! One try to tell a receiver.

use std::time::Duration;

use crate::alertmanager::AlertManager;
use crate::message::MessageData;
use crate::plan::Plan;
use crate::state::delivery::Delivery;

/// One try's time and name.
pub(crate) struct Try<'a> {
    pub manager: &'a AlertManager,
    pub delivery: &'a Delivery,
    pub data: &'a MessageData,
    pub plan: &'a Plan,
    pub timeout: Duration,
}
