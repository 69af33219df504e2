//! What is counted of text messages: exact, by hours, and gone after a while.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not there is a failed test"
)]

use phone_auth_core::limits::{
    Attempt, Decision, Hit, Limit, LimitKey, LimitRule, LimitSubject, TextChange, TextCount,
    TextRow, TextScope,
};

use super::Subject;
use super::sample::at;

const HOUR: i64 = 500_000;

/// A scope of this subject, and of this detail.
fn scope(subject: u8, detail: u8) -> TextScope {
    TextScope {
        key: LimitKey::new(LimitSubject::from_bytes([subject; 8]), [detail; 8]),
        name: format!("scope {subject}"),
    }
}

/// Counts, and gives the rows in the order of their keys and hours as numbers.
async fn count(
    subject: &Subject,
    scopes: &[TextScope],
    change: TextChange,
    hour: i64,
) -> Vec<(LimitKey, i64, i64, i64)> {
    let texts = counted(scopes, change, hour);
    in_numbers(subject.limits().count_texts(&texts).await.unwrap())
}

fn counted(scopes: &[TextScope], change: TextChange, hour: i64) -> TextCount {
    let scopes = scopes.to_vec();
    TextCount {
        scopes,
        change,
        hour,
    }
}

/// Rows in the order of their keys and hours, as numbers.
fn in_numbers(rows: Vec<TextRow>) -> Vec<(LimitKey, i64, i64, i64)> {
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|row| (row.key, row.hour - HOUR, row.sent, row.used))
        .collect();
    rows.sort_unstable();
    rows
}

pub(super) async fn text_counts_are_exact_under_parallel_calls(subject: &Subject) {
    let scopes = [scope(1, 0), scope(2, 0)];
    let calls: Vec<_> = (0..100)
        .map(|number| {
            let (node, scopes) = (subject.limits_of(number), scopes.clone());
            tokio::spawn(async move {
                let texts = counted(&scopes, TextChange::Sent, HOUR);
                let rows = node.count_texts(&texts).await;
                let rows = rows.unwrap();
                let sent: Vec<_> = rows.iter().map(|row| row.sent).collect();
                assert_eq!(sent.len(), 2);
                sent
            })
        })
        .collect();
    let mut seen = Vec::new();
    for call in calls {
        let sent = call.await.unwrap();
        assert_eq!(sent[0], sent[1], "together");
        seen.push(sent[0]);
    }
    // No two have seen the same number: so a budget lets exactly so many through.
    seen.sort_unstable();
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
}

/// A text message that is counted with an attempt: together or not at all, also where many are at once.
pub(super) async fn refused_attempt_counts_no_text(subject: &Subject) {
    for (number, hits, passed) in [
        (1, vec![], 40),
        (2, vec!["1000/d"], 40),
        (3, vec!["1000/d", "7/d"], 7),
    ] {
        let hits = (1_u8..).zip(&hits).map(|(place, rate)| Hit {
            key: LimitKey::from_bytes([number * 10 + place; 16]),
            limit: Limit::ResetRequests,
            rule: LimitRule::Rate(rate.parse().unwrap()),
        });
        let attempt = Attempt {
            hits: hits.collect(),
            at: at(0),
            is_stranger: true,
        };
        let scopes = [scope(number, 0), scope(number + 100, 0)];
        let calls: Vec<_> = (0..40)
            .map(|place| {
                let (node, attempt) = (subject.limits_of(place), attempt.clone());
                let texts = counted(&scopes, TextChange::Sent, HOUR);
                tokio::spawn(async move { node.count_with_text(&attempt, &texts).await.unwrap() })
            })
            .collect();
        let mut seen = Vec::new();
        for call in calls {
            let (decision, rows) = call.await.unwrap();
            if matches!(decision, Decision::Counted { .. }) {
                assert_eq!(rows.len(), 2, "{number}");
                seen.push(rows[0].sent);
            }
        }
        assert_eq!(seen.len(), passed, "{number}");
        let found = count(subject, &scopes, TextChange::Nothing, HOUR).await;
        let sent: Vec<_> = found.iter().map(|row| row.2).collect();
        let passed = i64::try_from(passed).unwrap();
        assert_eq!(sent, [passed; 2], "{number}");
    }
}

pub(super) async fn text_counts_change_by_hour(subject: &Subject) {
    use TextChange::{Nothing, Sent, TakenBack, Used};
    let scopes = [scope(1, 0)];
    let key = scopes[0].key;
    for (change, hour, rows) in [
        (Nothing, 0, vec![(key, 0, 0, 0)]),
        (Used, 0, vec![(key, 0, 0, 1)]),
        (Sent, 0, vec![(key, 0, 1, 1)]),
        (Sent, 1, vec![(key, 0, 1, 1), (key, 1, 1, 0)]),
        (TakenBack, 1, vec![(key, 0, 1, 1), (key, 1, 0, 0)]),
        // Never below nothing.
        (TakenBack, 1, vec![(key, 0, 1, 1), (key, 1, 0, 0)]),
        (
            TakenBack,
            2,
            vec![(key, 0, 1, 1), (key, 1, 0, 0), (key, 2, 0, 0)],
        ),
        (
            Nothing,
            360,
            vec![(key, 1, 0, 0), (key, 2, 0, 0), (key, 360, 0, 0)],
        ),
    ] {
        let found = count(subject, &scopes, change, HOUR + hour).await;
        assert_eq!(found, rows, "{change:?} at {hour}");
    }
}

pub(super) async fn text_counts_of_one_subject_come_together(subject: &Subject) {
    let (one, two, other) = (scope(1, 3), scope(1, 4), scope(2, 3));
    count(subject, &[other], TextChange::Sent, HOUR).await;
    count(subject, std::slice::from_ref(&two), TextChange::Sent, HOUR).await;
    let found = count(subject, std::slice::from_ref(&one), TextChange::Sent, HOUR).await;
    assert_eq!(found, [(one.key, 0, 1, 0), (two.key, 0, 1, 0)]);
    let all = subject.limits().texts_after(None, 9).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].scope, "scope 1");
    let after = Some((all[1].key, all[1].hour));
    assert_eq!(
        subject.limits().texts_after(after, 9).await.unwrap(),
        all[2..]
    );
    assert_eq!(
        subject.limits().texts_after(None, 2).await.unwrap(),
        all[..2]
    );
}

pub(super) async fn cleared_texts_count_as_never_sent(subject: &Subject) {
    use TextChange::{Sent, Used};
    let (one, two, other) = (scope(1, 3), scope(1, 4), scope(2, 3));
    for (scope, change, hour) in [
        (&one, Sent, 0),
        (&one, Sent, 0),
        (&one, Used, 0),
        (&one, Sent, 1),
        (&one, Used, 2),
        (&two, Sent, 2),
        (&other, Sent, 2),
    ] {
        count(subject, std::slice::from_ref(scope), change, HOUR + hour).await;
    }
    let limits = subject.limits();
    let subjects = [1, 3].map(|number| LimitSubject::from_bytes([number; 8]));
    for changed in [3, 0] {
        assert_eq!(limits.clear_texts(&subjects).await.unwrap(), changed);
    }
    let left = in_numbers(limits.texts_after(None, 9).await.unwrap());
    let expected = [
        (one.key, 0, 1, 1),
        (one.key, 1, 0, 0),
        (one.key, 2, 0, 1),
        (two.key, 2, 0, 0),
        (other.key, 2, 1, 0),
    ];
    assert_eq!(left, expected);
}

pub(super) async fn old_text_counts_are_removed(subject: &Subject) {
    let scopes = [scope(1, 0)];
    for (hour, change) in [
        (0, TextChange::Sent),
        (1, TextChange::Sent),
        (TextRow::KEPT - 2, TextChange::Nothing),
        (TextRow::KEPT - 1, TextChange::Nothing),
        (TextRow::KEPT, TextChange::Used),
    ] {
        count(subject, &scopes, change, HOUR + hour).await;
    }
    let limits = subject.limits();
    let now = HOUR + TextRow::KEPT;
    assert_eq!(limits.remove_old_texts(now, 1).await.unwrap(), 1);
    assert_eq!(limits.remove_old_texts(now, 9).await.unwrap(), 1);
    assert_eq!(limits.remove_old_texts(now, 9).await.unwrap(), 0);
    let left = limits.texts_after(None, 9).await.unwrap();
    let left: Vec<_> = left.iter().map(|row| row.hour - now).collect();
    assert_eq!(left, [1 - TextRow::KEPT, -1, 0]);
}
