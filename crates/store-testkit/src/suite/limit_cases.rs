//! The list of the cases of limits.

/// Calls a macro with the list of the cases of limits.
#[doc(hidden)]
#[macro_export]
macro_rules! __for_each_limit_case {
    ($($callback:ident)::+ ! [$($argument:tt)*]) => {
        $($callback)::+! { [$($argument)*]
            limits::limit_is_exact_under_parallel_hits;
            limits::attempt_counts_all_or_nothing;
            limits::failures_in_a_row_slow_down_and_stop;
            limits::free_failures_at_once_all_count;
            limits::rows_have_rules_of_their_own;
            limits::counters_drain_with_time;
            limits::wait_ends_when_there_is_room;
            limits::clock_set_back_blocks_nobody_for_long;
            limits::clock_that_is_ahead_frees_no_other_counter;
            limits::counters_share_nothing;
            limits::hits_are_given_back;
            limits::hits_at_once_are_all_given_back;
            limits::cleared_counters_are_empty;
            limits::full_counters_come_in_pages;
            limits::full_counter_says_for_how_long;
            limits::empty_counters_are_removed;
            limits::lower_limit_takes_effect;
            limited_names::names_are_counted_as_they_are_found;
            texts::text_counts_are_exact_under_parallel_calls;
            texts::refused_attempt_counts_no_text;
            texts::text_counts_change_by_hour;
            texts::text_counts_of_one_subject_come_together;
            texts::old_text_counts_are_removed;
            texts::cleared_texts_count_as_never_sent;
            pumping::launch_in_one_country_passes;
            pumping::slow_pumping_over_weeks_is_stopped;
            pumping::burst_over_one_prefix_is_stopped;
            pumping::many_networks_and_countries_are_stopped;
            pumping::proven_numbers_have_an_end;
            reopening::limits_survive_reopening;
            reopening::text_counts_survive_reopening;
        }
    };
}
