//! Counters of limits: exact, shared, and empty again.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use chrono::TimeDelta;
use phone_auth_core::limits::{Attempt, Decision, Hit, Limit, LimitKey, LimitRule, LimitSubject};
use phone_auth_core::store::LimitStore;

use super::Subject;
use super::sample::at;
use crate::external_writer::ExternalChange;

/// A counter of this number that goes by a rate.
fn rated(number: u8, rate: &str) -> Hit {
    ruled(number, LimitRule::Rate(rate.parse().unwrap()))
}

fn ruled(number: u8, rule: LimitRule) -> Hit {
    Hit {
        key: LimitKey::from_bytes([number; 16]),
        limit: Limit::LogIns,
        rule,
    }
}

fn attempt(hits: &[Hit]) -> Attempt {
    Attempt {
        hits: hits.to_vec(),
        at: at(0),
        is_stranger: true,
    }
}

/// Counts these once; whether they had room, or which had not and for how long.
async fn count(limits: &dyn LimitStore, hits: &[Hit]) -> Result<bool, (usize, Duration)> {
    match limits.count(&attempt(hits)).await.unwrap() {
        Decision::Counted { is_half_used } => Ok(is_half_used),
        Decision::Refused { hit, wait } => Err((hit, wait)),
    }
}

/// How often these are counted one after the other until they are refused, and the wait then.
async fn fill(limits: &dyn LimitStore, hits: &[Hit]) -> (u32, Duration) {
    let mut counted = 0;
    loop {
        match count(limits, hits).await {
            Ok(_) => counted += 1,
            Err((_, wait)) => return (counted, wait),
        }
    }
}

/// How often these are counted by so many at once, on all nodes.
async fn at_once(subject: &Subject, calls: usize, hits: &[Hit]) -> usize {
    let calls: Vec<_> = (0..calls)
        .map(|number| {
            let (node, attempt) = (subject.limits_of(number), attempt(hits));
            tokio::spawn(async move { node.count(&attempt).await.unwrap() })
        })
        .collect();
    let mut counted = 0;
    for call in calls {
        let decision = call.await.unwrap();
        counted += usize::from(matches!(decision, Decision::Counted { .. }));
    }
    counted
}

/// As if so many seconds had gone by.
async fn pass(subject: &Subject, seconds: i64) {
    let by = -TimeDelta::seconds(seconds);
    subject.outside(ExternalChange::ShiftLimits(by)).await;
}

pub(super) async fn limit_is_exact_under_parallel_hits(subject: &Subject) {
    // Too slow to drain while this runs.
    for (number, rule, limit) in [
        (1, LimitRule::Rate("5/d".parse().unwrap()), 5),
        (2, LimitRule::Rate("30/d".parse().unwrap()), 30),
        (3, LimitRule::InARow(7), 7),
        (4, LimitRule::Rate("1/d".parse().unwrap()), 1),
    ] {
        let wide = rated(100 + number, "1000/d");
        let hits = [ruled(number, rule), wide];
        assert_eq!(at_once(subject, 200, &hits).await, limit, "{rule:?}");
        assert_eq!(at_once(subject, 20, &hits).await, 0, "{rule:?}");
        // What was refused was not counted elsewhere.
        let (left, _) = fill(subject.limits(), &[wide]).await;
        assert_eq!(usize::try_from(left).unwrap() + limit, 1000, "{rule:?}");
    }
}

/// A counter says for how long it is full: one that stops, one that slows down, one that has room and one that is not there.
pub(super) async fn full_counter_says_for_how_long(subject: &Subject) {
    let limits = subject.limits();
    let stops = ruled(1, LimitRule::Row { free: 2, most: 2 });
    let slows = ruled(2, LimitRule::Row { free: 2, most: 9 });
    let has_room = rated(3, "5/d");
    for hit in [stops, slows] {
        fill(limits, &[hit]).await;
    }
    count(limits, &[has_room]).await.unwrap();
    let full_for = |hit: Hit| async move { limits.full_for(&hit.key, at(0)).await.unwrap() };
    let day = Duration::from_hours(24);
    let stopped = full_for(stops).await.unwrap();
    assert!((29 * day..=30 * day).contains(&stopped), "{stopped:?}");
    let slowed = full_for(slows).await.unwrap();
    assert!(slowed <= Duration::from_secs(2), "{slowed:?}");
    assert_eq!(full_for(has_room).await, None);
    assert_eq!(full_for(rated(4, "5/d")).await, None);
    pass(subject, 31 * 24 * 3_600).await;
    assert_eq!(full_for(stops).await, None);
}

pub(super) async fn attempt_counts_all_or_nothing(subject: &Subject) {
    let limits = subject.limits();
    let (few, many) = (rated(1, "1/d"), rated(2, "4/d"));
    assert_eq!(count(limits, &[few, many]).await, Ok(true));
    for _ in 0..9 {
        let (full, wait) = count(limits, &[few, many]).await.unwrap_err();
        assert_eq!(full, 0);
        assert!(wait > Duration::from_hours(23), "{wait:?}");
    }
    assert_eq!(fill(limits, &[many]).await.0, 3);
    // The one with the longer wait is told, wherever it stands.
    assert_eq!(count(limits, &[few, many]).await.unwrap_err().0, 0);
    let (short, long) = (rated(3, "1/h"), rated(4, "1/d"));
    assert_eq!(count(limits, &[short, long]).await, Ok(true));
    assert_eq!(count(limits, &[short, long]).await.unwrap_err().0, 1);
}

pub(super) async fn failures_in_a_row_slow_down_and_stop(subject: &Subject) {
    let limits = subject.limits();
    let hit = [ruled(1, LimitRule::InARow(12))];
    assert_eq!(fill(limits, &hit).await.0, 10);
    for (seconds, counted) in [(1, 1), (1, 0), (1, 1)] {
        pass(subject, seconds).await;
        assert_eq!(fill(limits, &hit).await.0, counted);
    }
    let day = 86_400;
    for days in [1, 28] {
        pass(subject, days * day).await;
        let (counted, wait) = fill(limits, &hit).await;
        assert_eq!(counted, 0, "stopped");
        assert!(wait > Duration::from_hours(20), "{wait:?}");
    }
    pass(subject, day).await;
    assert_eq!(fill(limits, &hit).await.0, 10, "forgotten");
}

pub(super) async fn free_failures_at_once_all_count(subject: &Subject) {
    for number in 1..=10 {
        let rule = LimitRule::Row {
            free: 20,
            most: 100,
        };
        let hit = [ruled(number, rule)];
        assert_eq!(at_once(subject, 20, &hit).await, 20, "{number}");
        // Each has counted, so those after them wait, and in the end for longer than this takes.
        let (twenty, _) = fill(subject.limits(), &hit).await;
        assert!(twenty <= 1, "{number}: {twenty}");
        for seconds in [1, 2, 4, 8, 16, 32, 64] {
            pass(subject, seconds).await;
            fill(subject.limits(), &hit).await;
        }
        assert_eq!(at_once(subject, 5, &hit).await, 0, "{number}");
    }
    // One that came earlier is counted later: what was counted before it lies ahead, by whatever clock the store goes.
    let limits = subject.limits();
    let hit = [ruled(11, LimitRule::InARow(100))];
    for number in 0..9 {
        assert!(count(limits, &hit).await.is_ok(), "{number}");
        pass(subject, -1).await;
    }
}

pub(super) async fn rows_have_rules_of_their_own(subject: &Subject) {
    let limits = subject.limits();
    let day = 86_400;
    for (number, free, most, waits) in [
        (1, 3, 6, &[1, 2, 4][..]),
        (2, 0, 2, &[2]),
        (3, 4, 4, &[]),
        (4, 9, 4, &[]),
    ] {
        let rule = LimitRule::Row { free, most };
        let hit = [ruled(number, rule)];
        // The first that waits has passed already.
        let mut passed = free.clamp(1, most);
        assert_eq!(fill(limits, &hit).await.0, passed, "{rule:?}");
        for seconds in waits {
            pass(subject, *seconds - 1).await;
            assert_eq!(fill(limits, &hit).await.0, 0, "{rule:?} {seconds}");
            pass(subject, 1).await;
            assert_eq!(fill(limits, &hit).await.0, 1, "{rule:?} {seconds}");
            passed += 1;
        }
        assert_eq!(passed, most, "{rule:?}");
        pass(subject, 29 * day).await;
        assert_eq!(fill(limits, &hit).await.0, 0, "{rule:?}: stopped");
        pass(subject, day).await;
        assert_eq!(fill(limits, &hit).await.0, free.clamp(1, most), "{rule:?}");
    }
}

pub(super) async fn counters_drain_with_time(subject: &Subject) {
    let limits = subject.limits();
    let hit = [rated(1, "10/h")];
    assert_eq!(fill(limits, &hit).await.0, 10);
    for (minutes, counted) in [(5, 0), (2, 1), (13, 2), (59, 10), (600, 10)] {
        pass(subject, minutes * 60).await;
        let (found, wait) = fill(limits, &hit).await;
        assert_eq!(found, counted, "{minutes} min");
        assert!(wait <= Duration::from_mins(6), "{wait:?}");
    }
}

pub(super) async fn wait_ends_when_there_is_room(subject: &Subject) {
    let limits = subject.limits();
    for (number, rate, filled, seconds) in [(1, "5/5min", 5, 50), (2, "1/3min", 1, 170)] {
        let hit = [rated(number, rate)];
        assert_eq!(fill(limits, &hit).await.0, filled, "{rate}");
        pass(subject, seconds).await;
        let (counted, wait) = fill(limits, &hit).await;
        assert_eq!(counted, 0, "{rate}");
        assert!(wait <= Duration::from_secs(10), "{rate}: {wait:?}");
        pass(subject, 10).await;
        assert_eq!(fill(limits, &hit).await.0, 1, "{rate}");
    }
}

pub(super) async fn clock_set_back_blocks_nobody_for_long(subject: &Subject) {
    let limits = subject.limits();
    let hours = TimeDelta::hours(50);
    for hit in [rated(1, "10/h"), ruled(2, LimitRule::InARow(100))] {
        assert_eq!(fill(limits, &[hit]).await.0, 10);
        subject.outside(ExternalChange::ShiftLimits(hours)).await;
        for _ in 0..2 {
            let (counted, wait) = fill(limits, &[hit]).await;
            assert_eq!(counted, 1, "{hit:?}");
            assert!(wait <= Duration::from_mins(6), "{hit:?}: {wait:?}");
            pass(subject, 360).await;
        }
    }
    // What had stopped is not stopped for as long as the clock was ahead: one passes, and it is for 30 days.
    let stopped = [ruled(3, LimitRule::InARow(5))];
    assert_eq!(fill(limits, &stopped).await.0, 5);
    for ahead in [TimeDelta::hours(50), TimeDelta::days(1_000)] {
        subject.outside(ExternalChange::ShiftLimits(ahead)).await;
        let (counted, wait) = fill(limits, &stopped).await;
        assert_eq!(counted, 1, "{ahead}");
        assert!(wait <= Duration::from_hours(30 * 24), "{ahead}: {wait:?}");
    }
}

pub(super) async fn clock_that_is_ahead_frees_no_other_counter(subject: &Subject) {
    let limits = subject.limits();
    let full = [rated(1, "3/d"), ruled(2, LimitRule::InARow(3))];
    for hit in full {
        assert_eq!(fill(limits, &[hit]).await.0, 3);
    }
    // One process whose clock is ahead for a while counts something else meanwhile.
    let ahead = Attempt {
        at: at(0) + TimeDelta::days(100),
        ..attempt(&[rated(3, "3/d")])
    };
    limits.count(&ahead).await.unwrap();
    for hit in full {
        assert_eq!(fill(limits, &[hit]).await.0, 0, "{hit:?}");
    }
}

pub(super) async fn counters_share_nothing(subject: &Subject) {
    let limits = subject.limits();
    for number in 1..=20 {
        let (counted, _) = fill(limits, &[rated(number, "3/d")]).await;
        assert_eq!(counted, 3, "{number}");
    }
}

pub(super) async fn hits_are_given_back(subject: &Subject) {
    let limits = subject.limits();
    for hits in [
        [rated(1, "3/d"), rated(2, "9/d")],
        [ruled(3, LimitRule::InARow(3)), rated(4, "9/d")],
    ] {
        limits.give_back(&hits, at(0)).await.unwrap();
        assert_eq!(fill(limits, &hits).await.0, 3, "{hits:?}");
        limits.give_back(&hits, at(0)).await.unwrap();
        assert_eq!(fill(limits, &hits).await.0, 1, "{hits:?}");
        for _ in 0..9 {
            limits.give_back(&hits, at(0)).await.unwrap();
        }
        assert_eq!(
            fill(limits, &hits).await.0,
            3,
            "{hits:?}: never below nothing"
        );
    }
}

pub(super) async fn hits_at_once_are_all_given_back(subject: &Subject) {
    let hits = [rated(1, "50/d"), rated(2, "100/d")];
    assert_eq!(at_once(subject, 50, &hits).await, 50);
    let calls = (0..50).map(|number| {
        let node = subject.limits_of(number);
        tokio::spawn(async move { node.give_back(&hits, at(0)).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(at_once(subject, 60, &hits).await, 50);
}

pub(super) async fn cleared_counters_are_empty(subject: &Subject) {
    let limits = subject.limits();
    let subject = |number| LimitSubject::from_bytes([number; 8]);
    let detail = Hit {
        key: LimitKey::new(subject(1), [9; 8]),
        ..rated(1, "2/d")
    };
    let hits = [
        rated(1, "2/d"),
        detail,
        rated(2, "2/d"),
        ruled(3, LimitRule::InARow(2)),
    ];
    assert_eq!(fill(limits, &hits).await.0, 2);
    let subjects = [1, 3, 4].map(subject);
    assert_eq!(limits.clear_limits(&subjects).await.unwrap(), 3);
    assert_eq!(limits.clear_limits(&subjects).await.unwrap(), 0);
    for (hit, counted) in hits.into_iter().zip([2, 2, 0, 2]) {
        assert_eq!(fill(limits, &[hit]).await.0, counted, "{hit:?}");
    }
}

pub(super) async fn full_counters_come_in_pages(subject: &Subject) {
    let limits = subject.limits();
    for number in 1..=5 {
        fill(limits, &[rated(number, "3/d")]).await;
    }
    count(limits, &[rated(6, "3/d")]).await.unwrap();
    let page = async |after: Option<u8>, most| {
        let after = after.map(|number| LimitKey::from_bytes([number; 16]));
        let rows = limits
            .full_limits_after(after.as_ref(), most, at(0))
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| (row.limit, row.key.as_bytes()[0]))
            .collect::<Vec<_>>()
    };
    let expected = |numbers: &[u8]| -> Vec<_> {
        numbers
            .iter()
            .map(|number| ("log_ins".to_owned(), *number))
            .collect()
    };
    assert_eq!(page(None, 2).await, expected(&[1, 2]));
    assert_eq!(page(Some(2), 9).await, expected(&[3, 4, 5]));
    pass(subject, 86_400 / 3).await;
    assert_eq!(page(None, 9).await, expected(&[]), "none is full any more");
}

pub(super) async fn empty_counters_are_removed(subject: &Subject) {
    let limits = subject.limits();
    for number in 1..=5 {
        count(limits, &[rated(number, "3/h")]).await.unwrap();
    }
    count(limits, &[rated(6, "1/d")]).await.unwrap();
    assert_eq!(limits.remove_empty_limits(at(0), 9).await.unwrap(), 0);
    pass(subject, 1_201).await;
    assert_eq!(limits.remove_empty_limits(at(0), 3).await.unwrap(), 3);
    assert_eq!(limits.remove_empty_limits(at(0), 9).await.unwrap(), 2);
    assert_eq!(limits.remove_empty_limits(at(0), 9).await.unwrap(), 0);
    assert!(count(limits, &[rated(6, "1/d")]).await.is_err());
}

pub(super) async fn lower_limit_takes_effect(subject: &Subject) {
    let limits = subject.limits();
    assert_eq!(fill(limits, &[rated(1, "100/d")]).await.0, 100);
    // It lies further ahead than the new limit ever could: full, but not for a day.
    let (counted, wait) = fill(limits, &[rated(1, "2/min")]).await;
    assert_eq!(counted, 1);
    assert!(wait <= Duration::from_secs(30), "{wait:?}");
}
