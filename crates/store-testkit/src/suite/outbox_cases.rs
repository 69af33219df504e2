//! The list of the cases of the outbox.

/// Calls a macro with the list of the cases of the outbox.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_outbox_case {
    ($($callback:ident)::+ ! [$($argument:tt)*]) => {
        $($callback)::+! { [$($argument)*]
            outbox::enqueued_message_comes_back_as_stored;
            outbox::message_to_nobody_leaves_nothing;
            outbox::pending_messages_are_counted;
            outbox::fresh_message_is_due_whatever_the_clock_says;
            outbox::longest_waiting_comes_first;
            outbox::both_messages_are_enqueued_or_neither;
            outbox::claims_leave_queues_out;
            outbox::claimed_message_is_leased;
            outbox::extended_lease_keeps_receipts;
            outbox::failed_message_is_due_again;
            outbox::concurrent_claims_share_nothing;
            later_version::message_of_a_later_version_is_kept;
            later_version::older_receipts_of_a_later_version_delay_nothing;
            set_back_clock::clock_set_back_delays_no_message;
            set_back_clock::clock_set_back_leaves_ready_messages_ready;
            newer_message::newer_message_keeps_the_place;
            newer_message::newer_message_waits_for_the_lease;
            newer_message::newer_message_passes_no_receiver_over;
            newer_message::superseded_message_is_told_of;
            newer_message::both_superseded_messages_are_told_of;
            newer_message::doubt_ends_with_its_message;
            dead_letters::lease_of_the_dead_holds_nothing;
            newer_message::messages_at_once_leave_one;
            dead_letters::dead_letter_is_kept;
            dead_letters::one_dead_letter_is_kept_for_an_address;
            dead_letters::dead_letter_can_be_requeued;
            newer_message::message_is_a_request_for_a_link;
            dead_letters::requeued_message_is_nobodys_from_before;
            newer_message::letter_gives_way_to_a_newer_message;
            newer_message::retry_and_newer_message_leave_the_newer;
            dead_letters::old_dead_letters_are_purged;
            challenges::challenge_begins_with_its_message;
            losses::losers_are_told_with_the_proof;
            losses::loser_of_a_freed_address_is_told;
            notices::notices_are_committed_with_the_change;
            notices::notice_comes_back_as_stored;
            notices::notices_supersede_nothing;
            notices::notice_goes_with_its_user;
            closing::closing_removes_messages;
            closing::closing_enqueues_its_event;
            closing_schedule::notices_of_closings_are_enqueued_once;
            outbox::deleted_user_is_sent_nothing;
            outbox::unknown_lease_is_lost;
            reopening::messages_survive_reopening;
            reopening::dead_letters_survive_reopening;
        }
    };
}
