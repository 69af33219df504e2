//! Promises by what they are about, for tables that another program has made.

use std::future::Future;

use super::{CASES, OUTBOX_CASES, Subject, run_case};

/// Makes a `#[test]` for each area of promises about addresses and about the end of accounts: those that a store keeps in another way
/// where no index keeps the spellings of one address apart, as on tables that Django made. It is called with the path of an `async fn`
/// that makes an empty [`Subject`], [with an outbox](Subject::with_outbox), on such tables.
///
/// # Examples
/// ```
/// use phone_auth_store_testkit::{MemoryStore, Subject};
///
/// async fn emptied() -> Subject {
///     let store = MemoryStore::new();
///     Subject::with_outbox(store.clone(), store)
/// }
///
/// phone_auth_store_testkit::django_suite!(emptied);
/// ```
#[macro_export]
macro_rules! django_suite {
    ($make:path) => {
        #[test]
        fn addresses_are_kept_on_djangos_tables() {
            let areas = ["addresses", "address_changes", "holders", "own_row"];
            $crate::suite::run_areas(&areas, $make);
        }

        #[test]
        fn claims_are_kept_on_djangos_tables() {
            let areas = ["claims", "claims_at_once", "new_claims", "losses"];
            $crate::suite::run_areas(&areas, $make);
        }

        #[test]
        fn proofs_are_kept_on_djangos_tables() {
            let areas = ["account_proofs", "proofs", "replacements"];
            $crate::suite::run_areas(&areas, $make);
        }

        #[test]
        fn closings_are_kept_on_djangos_tables() {
            $crate::suite::run_areas(&["closing", "closing_schedule"], $make);
        }
    };
}

/// Runs all cases of these areas in turn, each on an empty store of its own, as [`run_case`] does.
///
/// # Panics
/// When an area has no case, and as [`run_case`] does.
pub fn run_areas<Make, Made>(areas: &[&str], make: Make)
where
    Make: Fn() -> Made,
    Made: Future<Output = Subject>,
{
    for area in areas {
        let of_area = |name: &str| name.split("::").next() == Some(*area);
        let all = CASES.iter().chain(OUTBOX_CASES);
        let cases: Vec<_> = all.filter(|case| of_area(case.name())).collect();
        assert!(!cases.is_empty(), "{area}");
        for case in cases {
            run_case(case.name(), &make);
        }
    }
}
