//! File descriptors: as many as the connections need, as far as the system gives them.

/// How many are kept for the database, for what is sent, and for connections that wait for a place or are being closed.
pub(super) const RESERVED: usize = 256;

/// Takes as many as are needed for so many connections; for how many there are enough.
#[cfg(unix)]
pub(super) fn for_connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = u64::try_from(wanted.saturating_add(RESERVED)).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < needed) else {
        return wanted;
    };
    let possible = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = Rlimit {
        current: Some(possible),
        maximum: limit.maximum,
    };
    let given = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => possible,
        Err(_refused) => current,
    };
    let given = usize::try_from(given).unwrap_or(usize::MAX);
    fitting(wanted, given)
}

#[cfg(not(unix))]
pub(super) fn for_connections(wanted: usize) -> usize {
    wanted
}

/// For how many connections so many descriptors are enough. Where they are few, half of them are kept.
fn fitting(wanted: usize, given: usize) -> usize {
    let reserved = RESERVED.min(given / 2);
    wanted.min(given - reserved).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_to_others() {
        for (wanted, given, fit) in [
            (1000, 1256, 1000),
            (1000, 1024, 768),
            (1000, 256, 128),
            (1000, 0, 1),
            (10, 1024, 10),
        ] {
            assert_eq!(fitting(wanted, given), fit, "{wanted} {given}");
        }
    }
}
