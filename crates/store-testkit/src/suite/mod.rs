//! The promises of the store port, each one a case.
//!
//! A case gets an empty store and panics when a promise is broken. [`store_suite!`](crate::store_suite)
//! makes a test of each; [`run_suite`] runs all in turn where there is no test harness.

mod account_proofs;
mod address_changes;
mod addresses;
#[macro_use]
mod areas;
mod challenge_attempts;
mod challenges;
mod challenges_of_nobody;
mod claims;
mod claims_at_once;
mod closing;
mod closing_schedule;
mod dead_letters;
mod ended_links;
mod finding;
mod holders;
mod in_session;
mod later_version;
#[macro_use]
mod limit_cases;
mod limited_names;
mod limits;
mod links;
mod log_in;
mod log_in_links;
mod losses;
mod message_sample;
mod name_space;
mod names;
mod new_claims;
mod newer_message;
mod notices;
mod odd_rows;
mod outbox;
#[macro_use]
mod outbox_cases;
mod own_row;
mod passwords;
mod proofs;
mod pumping;
mod reauthentication;
mod reopening;
mod replacements;
mod right_codes;
mod sample;
mod sessions;
mod set_back_clock;
mod site_key;
mod subject;
mod texts;
mod users;
mod uses;
mod verification;

use std::future::Future;
use std::pin::Pin;

pub use areas::run_areas;
pub use subject::Subject;

/// What a case does with an empty store.
type Body = for<'a> fn(&'a Subject) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A promise of the port, and how it is put to the test.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    name: &'static str,
    body: Body,
}

impl Case {
    /// The promise in a few words, as in `log_in::used_digest_is_never_overwritten`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Puts an empty store to the test.
    ///
    /// # Panics
    /// When the promise is broken.
    ///
    /// # Cancel safety
    /// A case that is dropped half way leaves its store as it happens to be then.
    pub async fn run(&self, subject: &Subject) {
        (self.body)(subject).await;
    }
}

/// Calls a macro with the list of all cases: `callback! { [arguments] area::case; … }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_case {
    ($($callback:ident)::+ ! [$($argument:tt)*]) => {
        $($callback)::+! { [$($argument)*]
            names::username_is_taken_in_any_case;
            names::email_is_taken_in_any_case;
            names::email_in_own_row_is_taken;
            names::email_as_username_is_taken;
            names::phone_is_taken;
            names::first_taken_name_is_told;
            names::refused_user_leaves_nothing;
            names::taken_names_are_told_together;
            names::letters_outside_ascii_do_not_fold;
            names::equal_sign_ups_make_one_user;
            names::shared_name_has_one_winner;
            names::deleted_user_frees_the_names;
            name_space::names_of_all_kinds_are_one_space;
            name_space::white_space_makes_no_other_name;
            names::name_of_two_kinds_has_one_winner;
            users::user_comes_back_as_stored;
            users::user_without_addresses_has_none;
            users::times_keep_microseconds;
            users::missing_user_is_none;
            users::ids_are_never_reused;
            users::users_come_in_pages;
            users::users_are_found_by_a_part;
            users::odd_texts_come_back_unchanged;
            users::activity_of_a_missing_user_is_false;
            users::activity_can_be_set_twice;
            odd_rows::null_is_empty;
            odd_rows::null_password_can_be_replaced;
            odd_rows::numbers_other_than_zero_are_true;
            odd_rows::odd_verified_is_read;
            odd_rows::odd_times_are_read;
            odd_rows::odd_session_times_are_read;
            odd_rows::null_address_is_empty;
            odd_rows::lost_indexes_change_no_answer;
            finding::phone_comes_before_email;
            finding::email_comes_before_username;
            finding::first_reading_that_exists_wins;
            finding::exact_username_comes_first;
            finding::username_matches_in_any_case;
            finding::email_matches_in_any_case;
            finding::own_row_is_no_address;
            finding::addresses_are_found_as_stored;
            finding::look_alikes_are_nobody;
            finding::spellings_of_two_are_ambiguous;
            finding::wildcards_match_themselves_only;
            finding::inactive_users_are_found;
            finding::nobody_is_found_by_nothing;
            addresses::added_address_is_unverified;
            addresses::own_address_is_taken_too;
            addresses::own_row_can_be_added;
            addresses::own_row_of_another_is_taken;
            addresses::username_of_another_is_taken;
            addresses::address_of_another_case_is_taken;
            addresses::equal_additions_have_one_winner;
            addresses::emails_come_before_phones;
            addresses::address_comes_with_its_user;
            addresses::kinds_are_counted_apart;
            addresses::missing_user_gets_no_address;
            addresses::caps_are_kept;
            addresses::caps_are_kept_at_once;
            addresses::many_addresses_come_in_part;
            address_changes::last_way_in_is_not_removed;
            address_changes::removals_at_once_leave_a_way_in;
            address_changes::removed_address_is_free_and_leads_nowhere;
            address_changes::own_row_has_the_primary_address;
            address_changes::proof_by_hand_uses_links_up;
            address_changes::other_username_obeys_the_one_space;
            address_changes::other_names_are_of_one_user;
            account_proofs::account_is_proven_whole;
            claims::claim_stands_beside_what_it_claims;
            claims::proven_claim_becomes_an_address;
            claims::proof_of_the_holder_ends_claims;
            claims::reset_ends_own_claims;
            claims::kept_address_is_not_claimed;
            claims::equal_claims_have_one_winner;
            claims::claimed_address_is_not_added_again;
            claims_at_once::holder_and_claim_have_one_winner;
            claims_at_once::claims_on_each_other_are_both_proven;
            claims_at_once::claim_added_beside_the_proof_of_the_holder_ends;
            claims::deleted_user_claims_nothing;
            losses::kept_claim_looks_like_any_other;
            holders::oldest_proof_comes_first;
            holders::holders_come_with_claimants;
            new_claims::new_user_claims_what_nobody_has_proven;
            new_claims::any_address_can_be_a_claim;
            new_claims::sign_ups_at_once_all_claim;
            links::newest_request_is_told;
            links::newer_request_is_always_newer;
            links::young_link_is_asked_for_again;
            links::used_link_is_not_asked_for_again;
            links::code_lives_beside_its_link;
            links::requests_at_once_are_told_apart;
            links::request_for_nobody_touches_nobody;
            links::deleted_address_is_no_target;
            links::older_link_verifies_nothing;
            links::older_link_replaces_no_password;
            links::link_of_nobody_asked_for_is_usable;
            log_in_links::opened_link_ends_once;
            log_in_links::restored_link_is_there_again;
            log_in_links::other_link_is_not_ended;
            log_in_links::used_link_ends_the_others;
            verification::address_is_verified_once;
            verification::used_link_stays_used;
            verification::equal_verifications_have_one_winner;
            verification::other_claims_are_gone;
            verification::edit_and_verification_lose_nothing;
            verification::deletion_and_verification_lose_nothing;
            passwords::replacement_needs_the_old_hash;
            passwords::replacement_needs_an_active_user;
            passwords::replacement_needs_the_last_log_in;
            passwords::replacement_ends_other_sessions;
            passwords::kept_session_takes_no_others_name;
            passwords::lost_replacement_changes_nothing;
            passwords::equal_replacements_have_one_winner;
            log_in::log_in_is_recorded;
            log_in::old_session_is_ended;
            log_in::weaker_hash_is_upgraded;
            log_in::changed_hash_is_refused;
            log_in::inactive_and_missing_users_are_refused;
            log_in::used_digest_is_never_overwritten;
            log_in::equal_upgrades_have_one_winner;
            log_in::upgrade_never_undoes_a_replacement;
            log_in::no_session_outlives_a_replacement;
            log_in::no_session_outlives_keeping_out;
            sessions::session_tells_of_its_user;
            sessions::session_ends_at_its_time;
            sessions::microseconds_of_expiry_count;
            sessions::verified_addresses_are_told;
            sessions::inactive_user_is_nobody;
            sessions::disabled_and_enabled_stays_out;
            sessions::sessions_of_disabled_users_are_removed;
            sessions::password_of_others_ends_sessions;
            sessions::same_password_keeps_sessions;
            sessions::own_upgrade_keeps_sessions;
            sessions::upgrade_brings_no_session_back;
            sessions::no_upgrade_loses_a_session;
            sessions::replacement_binds_the_kept_session;
            reauthentication::proof_moves_with_its_session;
            reauthentication::proof_needs_the_checked_password;
            uses::list_tells_of_each_session;
            uses::list_has_what_is_alive;
            uses::handle_outlives_its_key;
            uses::use_is_noted_once_an_hour;
            uses::one_of_many_uses_is_noted;
            uses::sessions_end_but_one;
            sessions::older_sessions_are_bound_at_sight;
            sessions::older_sessions_are_bound_in_steps;
            sessions::keeping_out_ends_sessions;
            sessions::deleted_user_is_nobody;
            sessions::ended_session_is_gone;
            sessions::newest_write_is_told;
            sessions::oldest_sessions_give_way;
            sessions::crowds_of_log_ins_end_at_the_cap;
            sessions::expired_sessions_are_removed;
            challenge_attempts::attempts_are_counted_down;
            challenge_attempts::attempts_at_once_are_exact;
            challenge_attempts::returned_attempt_is_there_again;
            challenge_attempts::reopened_challenge_is_there_again;
            challenges::challenge_is_for_one_purpose_and_time;
            challenges::typed_names_go_with_their_challenge;
            challenges::asking_again_gives_no_attempts_back;
            challenges::renewals_at_once_have_one_winner;
            challenges::challenge_is_found_until_it_ends;
            challenges::challenge_ends_once;
            right_codes::code_ends_once;
            challenge_attempts::opened_challenge_stays_as_it_is;
            challenges_of_nobody::challenges_of_nobody_are_bounded;
            challenges_of_nobody::challenges_of_nobody_at_once_stand_beside_each_other;
            challenges_of_nobody::challenge_of_nobody_ends_one_of_its_group;
            challenges::challenge_is_found_by_its_own_key;
            challenges::previous_challenge_ends;
            challenges::challenge_of_another_purpose_stays;
            challenges::renewal_is_given_back;
            challenges::expired_challenges_are_removed;
            closing::closed_user_leaves_nothing;
            closing::missing_user_is_not_closed;
            closing::closings_at_once_have_one_winner;
            closing::log_in_does_not_outlive_closing;
            closing::rows_of_a_user_are_told;
            closing::challenges_at_claims_are_told;
            closing::export_tells_nothing_of_claims;
            closing_schedule::closing_is_scheduled_once;
            closing_schedule::new_user_may_have_a_closing;
            closing_schedule::nobodys_account_is_closed_as_it_was_seen;
            closing_schedule::nobodys_end_and_log_in_have_one_winner;
            closing_schedule::closing_is_cancelled_once;
            closing_schedule::due_closings_come_in_order;
            closing_schedule::return_and_end_have_one_winner;
            closing_schedule::closing_and_log_in_have_one_order;
            closing_schedule::closing_goes_with_its_user;
            closing_schedule::log_in_before_a_closing_is_no_return;
            replacements::newest_replacement_counts;
            replacements::replacement_does_not_wait_for_ever;
            replacements::add_keeps_its_replacement_or_nothing;
            replacements::proven_replacements_are_found;
            ended_links::change_ends_the_same_links_everywhere;
            replacements::address_is_replaced_whole;
            replacements::old_address_is_primary_until_it_goes;
            proofs::reset_proves_its_address;
            proofs::reset_ends_links_to_other_addresses;
            proofs::reset_ends_younger_proofs;
            proofs::change_ends_no_proof;
            proofs::change_ends_what_is_about_to_be_proven;
            proofs::unproven_address_is_freed_by_its_link;
            in_session::proof_in_a_session_is_kept;
            in_session::proof_in_a_session_is_no_younger;
            in_session::proofs_of_no_time_are_of_one_age;
            in_session::reset_by_an_unshown_address_makes_the_others_so;
            in_session::proof_of_a_claim_is_kept_so;
            own_row::proof_fills_an_empty_row;
            own_row::row_gives_way_with_the_proof;
            own_row::freed_address_leaves_no_claim;
            site_key::new_store_has_no_key;
            site_key::public_site_is_kept_beside_the_key;
            site_key::key_record_is_replaced_knowingly;
            site_key::key_record_has_one_winner;
            reopening::users_survive_reopening;
            reopening::addresses_survive_reopening;
            reopening::passwords_survive_reopening;
            reopening::sessions_survive_reopening;
            reopening::links_survive_reopening;
            reopening::challenges_survive_reopening;
            reopening::typed_names_survive_reopening;
            reopening::closings_survive_reopening;
            reopening::replacements_survive_reopening;
            reopening::site_key_survives_reopening;
        }
    };
}

/// Makes the list of cases.
macro_rules! list {
    ([] $($area:ident :: $case:ident;)*) => {
        &[$(Case {
            name: concat!(stringify!($area), "::", stringify!($case)),
            body: |subject| Box::pin($area::$case(subject)),
        }),*]
    };
}

/// Every promise of a store, in the order in which they are best read.
pub const CASES: &[Case] = __for_each_case!(list![]);

/// Every promise of an outbox, as well ordered. They need a subject that was made [with an outbox](Subject::with_outbox).
pub const OUTBOX_CASES: &[Case] = __for_each_outbox_case!(list![]);

/// Every promise about limits. They need a subject that was given [nodes that keep counters](Subject::with_limits).
pub const LIMIT_CASES: &[Case] = __for_each_limit_case!(list![]);

/// Makes a `#[test]` for each promise of the port.
///
/// It is called once in a file of tests, with the path of an `async fn` that makes an empty
/// [`Subject`]. Each test has a subject of its own and a Tokio runtime of two threads. Nothing is
/// skipped.
///
/// # Examples
/// ```
/// use phone_auth_store_testkit::{MemoryStore, Subject};
///
/// async fn empty() -> Subject {
///     of(MemoryStore::new())
/// }
///
/// fn of(store: MemoryStore) -> Subject {
///     let same = store.clone();
///     Subject::new(store.clone(), store).reopening(move || std::future::ready(of(same.clone())))
/// }
///
/// phone_auth_store_testkit::store_suite!(empty);
/// ```
#[macro_export]
macro_rules! store_suite {
    ($make:path) => {
        $crate::__for_each_case!($crate::__tests![$make]);
    };
}

/// Makes a `#[test]` for each promise of the outbox, as [`store_suite!`](crate::store_suite) does for those of the store;
/// from a subject that was made [with an outbox](Subject::with_outbox).
///
/// # Examples
/// ```
/// use phone_auth_store_testkit::{MemoryStore, Subject};
///
/// async fn empty() -> Subject {
///     of(MemoryStore::new())
/// }
///
/// fn of(store: MemoryStore) -> Subject {
///     let same = store.clone();
///     Subject::with_outbox(store.clone(), store).reopening(move || std::future::ready(of(same.clone())))
/// }
///
/// phone_auth_store_testkit::outbox_suite!(empty);
/// ```
#[macro_export]
macro_rules! outbox_suite {
    ($make:path) => {
        $crate::__for_each_outbox_case!($crate::__tests![$make]);
    };
}

/// Makes a `#[test]` for each promise about limits, as [`store_suite!`](crate::store_suite) does for those of the store;
/// from a subject that was given [nodes that keep counters](Subject::with_limits).
///
/// # Examples
/// ```
/// use phone_auth_store_testkit::{MemoryStore, Subject};
///
/// async fn empty() -> Subject {
///     let store = MemoryStore::new();
///     Subject::new(store.clone(), store.clone()).with_limits(store)
/// }
///
/// phone_auth_store_testkit::limit_suite!(empty);
/// ```
#[macro_export]
macro_rules! limit_suite {
    ($make:path) => {
        $crate::__for_each_limit_case!($crate::__tests![$make]);
    };
}

/// Makes the tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$make:path] $($area:ident :: $case:ident;)*) => {
        $(
            #[test]
            fn $case() {
                $crate::suite::run_case(
                    concat!(stringify!($area), "::", stringify!($case)),
                    $make,
                );
            }
        )*
    };
}

/// Runs every case in turn, each on an empty store of its own.
///
/// # Panics
/// When a promise is broken.
///
/// # Cancel safety
/// Dropping the future ends the run between two steps of a case; stores made so far are dropped.
pub async fn run_suite<Make, Made>(make: Make)
where
    Make: Fn() -> Made,
    Made: Future<Output = Subject>,
{
    for case in CASES {
        let subject = make().await;
        case.run(&subject).await;
    }
}

/// Runs the case of this name on a Tokio runtime of two threads, so that what should happen at once does.
///
/// # Panics
/// When there is no such case, the runtime cannot start, or the promise is broken.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
pub fn run_case<Make, Made>(name: &str, make: Make)
where
    Make: FnOnce() -> Made,
    Made: Future<Output = Subject>,
{
    let mut cases = CASES.iter().chain(OUTBOX_CASES).chain(LIMIT_CASES);
    let case = cases.find(|case| case.name == name);
    let case = case.expect("a case of this name is in the list");
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be started")
        .block_on(async {
            let subject = make().await;
            case.run(&subject).await;
        });
}
