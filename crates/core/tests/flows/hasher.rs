//! Hashing passwords: Django's hashes, bounded work.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use phone_auth_core::client::Client;
use phone_auth_core::password::{
    Argon2Hasher, EncodedPassword, HashError, HashErrorKind, Password, PasswordHasher, Requester,
    Verdict,
};
use phone_auth_core::user::UserId;

const OPERATOR: &Requester = &Requester::operator();

/// A hash as Django stores it, made by the library itself.
fn django(
    algorithm: Algorithm,
    (memory, passes, lanes): (u32, u32, u32),
    password: &str,
) -> EncodedPassword {
    let params = Params::new(memory, passes, lanes, Some(32)).unwrap();
    let mut output = [0; 32];
    let salt = b"Jc1vYnX2lUQ8f0dK3mZpRt";
    Argon2::new(algorithm, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut output)
        .unwrap();
    EncodedPassword::new(format!(
        "argon2${algorithm}$v=19$m={memory},t={passes},p={lanes}${}${}",
        Base64Unpadded::encode_string(salt),
        Base64Unpadded::encode_string(&output),
    ))
}

async fn verify(password: &str, encoded: &EncodedPassword) -> Verdict {
    let hasher = Argon2Hasher::new();
    hasher
        .verify(&Password::new(password), encoded, OPERATOR)
        .await
        .unwrap()
}

#[tokio::test]
async fn hash_is_djangos_encoding() {
    let hasher = Argon2Hasher::new();
    let password = Password::new("correct horse");
    let (one, two) = (
        hasher.hash(&password, OPERATOR).await.unwrap(),
        hasher.hash(&password, OPERATOR).await.unwrap(),
    );
    assert_ne!(one, two, "salts differ");
    let rest = one
        .reveal()
        .strip_prefix("argon2$argon2id$v=19$m=19456,t=2,p=1$");
    let (salt, hash) = rest.unwrap().split_once('$').unwrap();
    assert!(one.reveal().len() <= 128);
    // An independent run of the library agrees.
    let salt = Base64Unpadded::decode_vec(salt).unwrap();
    let mut output = [0; 32];
    let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(b"correct horse", &salt, &mut output)
        .unwrap();
    assert_eq!(hash, Base64Unpadded::encode_string(&output));
    assert_eq!(verify("correct horse", &one).await, Verdict::Match);
    assert_eq!(verify("correct horse ", &one).await, Verdict::NoMatch);
    assert_eq!(verify(" correct horse", &one).await, Verdict::NoMatch);
}

#[tokio::test]
async fn djangos_own_hashes_match() {
    // Made by Django 5.2 itself, the first with the costs of ours.
    for encoded in [
        "argon2$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$X8Bt7kothtMC1iGQcJE830rekyLLva2apkp2adF+MMI",
        "argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$WQisPTmd9Wk/naxWEMPUY172lvTVsxXBY1D9RGEQyc4",
    ] {
        let encoded = EncodedPassword::new(encoded);
        for (password, verdict) in [
            ("S3cret-pass!9", Verdict::MatchOutdated),
            (" S3cret-pass!9\n", Verdict::Match),
            ("S3cret-pass!8", Verdict::NoMatch),
            ("", Verdict::NoMatch),
        ] {
            assert_eq!(verify(password, &encoded).await, verdict, "{password:?}");
        }
    }
}

#[tokio::test]
async fn other_argon2_is_outdated() {
    for (algorithm, costs) in [
        (Algorithm::Argon2id, (102_400, 2, 8)),
        (Algorithm::Argon2id, (19_456, 3, 1)),
        (Algorithm::Argon2id, (131_072, 1, 16)),
        (Algorithm::Argon2i, (512, 2, 2)),
        (Algorithm::Argon2d, (8, 1, 1)),
    ] {
        let encoded = django(algorithm, costs, "correct horse");
        assert_eq!(
            verify("correct horse", &encoded).await,
            Verdict::MatchOutdated,
            "{costs:?}"
        );
        assert_eq!(
            verify(" correct horse\t", &encoded).await,
            Verdict::Match,
            "{costs:?}"
        );
        assert_eq!(
            verify("correct horses", &encoded).await,
            Verdict::NoMatch,
            "{costs:?}"
        );
    }
}

#[tokio::test]
async fn every_base64_is_read() {
    // Among so many hashes, `/` and `+` occur in nearly all.
    let mut seen = String::new();
    for number in 0..12 {
        let password = format!("correct horse {number}");
        let encoded = django(Algorithm::Argon2id, (64, 1, 1), &password);
        assert_eq!(verify(&password, &encoded).await, Verdict::MatchOutdated);
        seen.push_str(encoded.reveal());
    }
    assert!(seen.contains('/') && seen.contains('+'));
}

#[tokio::test]
async fn spaces_of_a_legacy_hash_count() {
    // A change or reset of django-phone-auth did not strip: as typed comes first.
    let encoded = django(Algorithm::Argon2id, (64, 1, 1), " correct horse ");
    assert_eq!(
        verify(" correct horse ", &encoded).await,
        Verdict::MatchOutdated
    );
    assert_eq!(verify("correct horse", &encoded).await, Verdict::NoMatch);
}

#[tokio::test]
async fn unusable_hashes_never_match() {
    for text in [
        "",
        "!",
        "!correct horse",
        "correct horse",
        "plain$correct horse",
        "pbkdf2_sha256$1000000$salt$RTu9AJ3tXwMHdvtDGWVb8aKM8oKJWZ1wYAbkk1JBvgg=",
        "argon2$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
    ] {
        let encoded = EncodedPassword::new(text);
        for password in ["", "!", "correct horse", text] {
            assert_eq!(verify(password, &encoded).await, Verdict::NoMatch, "{text}");
        }
    }
}

#[tokio::test]
async fn every_path_costs_the_same() {
    // One place, so that nothing overlaps; the best of several runs, so that noise does not matter.
    let hasher = Argon2Hasher::with_limits(NonZeroUsize::MIN, 8);
    let password = Password::new("correct horse");
    let ours = hasher
        .hash(&Password::new("battery staple"), OPERATOR)
        .await
        .unwrap();
    let mut best = [Duration::MAX; 5];
    for _ in 0..7 {
        for (best, encoded) in best.iter_mut().zip([
            Some(ours.clone()),
            Some(EncodedPassword::new("!")),
            Some(EncodedPassword::new("")),
            Some(EncodedPassword::new(
                "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            )),
            None,
        ]) {
            let began = Instant::now();
            match encoded {
                Some(encoded) => assert_eq!(
                    hasher.verify(&password, &encoded, OPERATOR).await.unwrap(),
                    Verdict::NoMatch
                ),
                None => hasher.verify_nothing(&password, OPERATOR).await.unwrap(),
            }
            *best = began.elapsed().min(*best);
        }
    }
    let (least, most) = (best.iter().min().unwrap(), best.iter().max().unwrap());
    // The bound is wide for a busy machine; a path without the hash is a thousand times faster.
    assert!(*most < *least * 20, "{best:?}");
}

#[tokio::test]
async fn bounds_hold_for_passwords() {
    let hasher = Argon2Hasher::new();
    let longest = Password::new("a".repeat(Password::MAX_BYTES));
    let encoded = hasher.hash(&longest, OPERATOR).await.unwrap();
    assert_eq!(
        hasher.verify(&longest, &encoded, OPERATOR).await.unwrap(),
        Verdict::Match
    );

    let too_long = Password::new("a".repeat(Password::MAX_BYTES + 1));
    assert_eq!(
        hasher.hash(&too_long, OPERATOR).await.unwrap_err().kind(),
        HashErrorKind::TooLong
    );
    assert_eq!(
        hasher.verify(&too_long, &encoded, OPERATOR).await.unwrap(),
        Verdict::NoMatch
    );
    let empty = hasher.hash(&Password::new(""), OPERATOR).await.unwrap();
    assert_eq!(
        hasher.verify(&too_long, &empty, OPERATOR).await.unwrap(),
        Verdict::NoMatch
    );
}

/// Which of these are let in when all ask before anyone is answered. The others are told at once that it is busy.
async fn let_in<'a>(
    hasher: &'a Argon2Hasher,
    password: &'a Password,
    requesters: &'a [Requester],
) -> Vec<(usize, Hash<'a>)> {
    let mut asked: Vec<_> = requesters
        .iter()
        .map(|requester| hasher.hash(password, requester))
        .enumerate()
        .collect();
    poll_fn(|context| {
        asked.retain_mut(|(_, hash)| match hash.as_mut().poll(context) {
            Poll::Ready(answer) => {
                let error = answer.unwrap_err();
                assert_eq!(error.kind(), HashErrorKind::Busy);
                assert!(error.is_retryable());
                false
            }
            Poll::Pending => true,
        });
        Poll::Ready(())
    })
    .await;
    asked
}

type Hash<'a> = Pin<Box<dyn Future<Output = Result<EncodedPassword, HashError>> + Send + 'a>>;

#[tokio::test]
async fn queue_is_bounded() {
    let hasher = Argon2Hasher::with_limits(NonZeroUsize::MIN, 3);
    let password = Password::new("correct horse");
    let client = Client::new();
    let strangers: Vec<_> = (0..20)
        .map(|n| Requester::stranger(&client, &n.to_string()))
        .collect();
    // 1 works, 3 wait, the others are told at once.
    let waiting = let_in(&hasher, &password, &strangers).await;
    assert_eq!(waiting.len(), 4);
    for (_, hash) in waiting {
        hash.await.unwrap();
    }
    // And then there is room again.
    let stranger = Requester::stranger(&client, "ann");
    hasher.hash(&password, &stranger).await.unwrap();
}

#[tokio::test]
async fn flood_leaves_room_for_others() {
    // With as many working and waiting as by default on one core.
    let hasher = Argon2Hasher::with_limits(NonZeroUsize::MIN, 64);
    let password = Password::new("correct horse");
    let at = |address: &str| Client::new().at(address.parse().unwrap());
    let nowhere = Client::new();
    let named = |client: &Client, n: i32| Requester::stranger(client, &n.to_string());
    let floods = [
        (
            "one name from one address",
            vec![Requester::stranger(&at("203.0.113.1"), "ann"); 200],
        ),
        (
            "one name from many addresses",
            (0..200)
                .map(|n| Requester::stranger(&at(&format!("203.0.113.{n}")), "ann"))
                .collect(),
        ),
        (
            "many names from one address",
            (0..200).map(|n| named(&at("203.0.113.1"), n)).collect(),
        ),
        (
            "sign-ups through a proxy",
            vec![Requester::signing_up(&nowhere); 200],
        ),
        (
            "many names through a proxy",
            (0..200).map(|n| named(&nowhere, n)).collect(),
        ),
    ];
    for (flood, requesters) in floods {
        let waiting = let_in(&hasher, &password, &requesters).await;
        assert!(waiting.len() < 100, "{flood}: {} wait", waiting.len());
        let others = [
            Requester::with_link(&nowhere, UserId::new(1)),
            Requester::signed_in(&nowhere, UserId::new(1)),
            Requester::stranger(&at("203.0.113.201"), "bob"),
        ];
        // Strangers whom nobody can tell apart may fill their lane; those who are known have others.
        let is_told_apart = flood != "many names through a proxy";
        let others = others.get(..if is_told_apart { 3 } else { 2 }).unwrap();
        let room = let_in(&hasher, &password, others).await.len();
        assert_eq!(room, others.len(), "{flood}");
        drop(waiting);
        // What had begun goes on; nobody else waits for those who have gone.
        hasher.hash(&password, OPERATOR).await.unwrap();
        let first = requesters.first().unwrap();
        while hasher.hash(&password, first).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn abandoned_waiting_leaves_room() {
    let hasher = Argon2Hasher::with_limits(NonZeroUsize::MIN, 0);
    let password = Password::new("correct horse");
    let stranger = Requester::stranger(&Client::new(), "ann");
    {
        let mut hash = hasher.hash(&password, &stranger);
        poll_fn(|context| {
            assert!(hash.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    // The work that was begun goes on and holds its place: nobody else gets in before it ends.
    let mut refused = 0_u32;
    loop {
        match hasher.hash(&password, &stranger).await {
            Ok(_) => break,
            Err(error) => {
                assert_eq!(error.kind(), HashErrorKind::Busy);
                refused += 1;
                tokio::task::yield_now().await;
            }
        }
    }
    assert!(refused > 0);
}
