//! Which secret key the store belongs to.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::store::{KeyFingerprint, KeyRecord, PublicSite, SiteOrigin};

use super::Subject;

/// What is kept as far as the caller knows, what is to be kept, and whether it is then.
type Step<'a> = (Option<&'a [u8]>, &'a [u8], bool);

/// The record of these keys.
fn record(keys: &[u8]) -> KeyRecord {
    let fingerprint = |number: &u8| KeyFingerprint::from_bytes([*number; KeyFingerprint::BYTES]);
    KeyRecord::new(keys.iter().map(fingerprint))
}

pub(super) async fn new_store_has_no_key(subject: &Subject) {
    assert_eq!(subject.store().key_record().await.unwrap(), None);
}

pub(super) async fn public_site_is_kept_beside_the_key(subject: &Subject) {
    let store = subject.store();
    let site =
        |origin: &str, mount: &str| PublicSite::new(SiteOrigin::parse(origin).unwrap(), mount);
    let note = async |site: &PublicSite| {
        store.note_public_site(site).await.unwrap();
        store.public_site().await.unwrap()
    };
    assert_eq!(store.public_site().await.unwrap(), None);
    let first = site("https://example.org", "/accounts/");
    assert_eq!(note(&first).await, None, "there is no key");
    let key = store.replace_key_record(None, &record(&[1])).await;
    assert!(key.unwrap());
    assert_eq!(store.public_site().await.unwrap(), None);
    let last = site("http://www.example.org:8080", "/konto/");
    for site in [
        first.clone(),
        first,
        site("https://example.org", "/"),
        site("http://www.example.org:8080", "/"),
        last.clone(),
    ] {
        assert_eq!(note(&site).await, Some(site));
    }
    // Another key is another key of the same site.
    let (old, new) = (record(&[1]), record(&[2]));
    let replaced = store.replace_key_record(Some(&old), &new).await;
    assert!(replaced.unwrap());
    assert_eq!(store.public_site().await.unwrap(), Some(last));
}

pub(super) async fn key_record_is_replaced_knowingly(subject: &Subject) {
    let store = subject.store();
    let steps: [Step<'_>; 9] = [
        (Some(&[1]), &[2], false),
        (Some(&[]), &[2], false),
        (None, &[1], true),
        (None, &[2], false),
        (Some(&[2]), &[3], false),
        (Some(&[1]), &[2, 1], true),
        (Some(&[2]), &[3], false),
        (Some(&[2, 1]), &[], true),
        (Some(&[]), &[255, 0], true),
    ];
    let mut kept = None;
    for (old, new, is_done) in steps {
        let (before, after) = (old.map(record), record(new));
        let done = store.replace_key_record(before.as_ref(), &after).await;
        assert_eq!(done.unwrap(), is_done, "{old:?} {new:?}");
        if is_done {
            kept = Some(record(new));
        }
        assert_eq!(store.key_record().await.unwrap(), kept, "{old:?} {new:?}");
    }
}

pub(super) async fn key_record_has_one_winner(subject: &Subject) {
    for old in [None, Some(record(&[0]))] {
        if let Some(old) = &old {
            let now = subject.store().key_record().await.unwrap();
            assert!(
                subject
                    .store()
                    .replace_key_record(now.as_ref(), old)
                    .await
                    .unwrap()
            );
        }
        let answers = subject
            .at_once(8, |store, number| {
                let old = old.clone();
                async move {
                    let new = record(&[u8::try_from(number).unwrap() + 1]);
                    store.replace_key_record(old.as_ref(), &new).await.unwrap()
                }
            })
            .await;
        let winners: Vec<_> = (1..).zip(answers).filter(|(_, won)| *won).collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        let kept = subject.store().key_record().await.unwrap();
        assert_eq!(kept, winners.first().map(|(number, _)| record(&[*number])));
    }
}
