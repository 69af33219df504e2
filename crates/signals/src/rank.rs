//! Where a connected receiver stands among the others.

use std::cmp::Reverse;

/// Where a connected receiver stands among the others: by its priority, then in the order of connecting.
pub(crate) type Rank = (Reverse<i32>, u64);
