//! What a dispatcher is made of.

use crate::state::Provided;
use std::{collections::BTreeSet, time::Duration};

/// What a dispatcher is made of.
#[derive(Clone, Default)]
pub(crate) struct DispatcherConfig {
    pub(crate) provided: Provided,
    /// In order, so that what is wrong with them is said in the same order in each run.
    pub(crate) disabled: BTreeSet<String>,
    pub(crate) is_isolated: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) timed: Option<bool>,
}
