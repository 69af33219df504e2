//! What a dispatcher is made of.

use crate::state::Provided;
use std::{collections::HashSet, time::Duration};

/// What a dispatcher is made of.
#[derive(Clone, Default)]
pub(crate) struct DispatcherConfig {
    pub(crate) provided: Provided,
    pub(crate) disabled: HashSet<String>,
    pub(crate) is_isolated: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) timed: Option<bool>,
}
