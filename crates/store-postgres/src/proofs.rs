//! What the proof of an address ends that was there before it, on PostgreSQL.

/// The parts of a statement that replaces a password, after one that is named `one_user`: what becomes of the addresses
/// of the user. What is about to be proven may be the work of anyone who had the password before: its links end, and it takes
/// the place of no other. By a link that has reset the password, the one that it was sent to is proven, and what was proven later may be the
/// same work. The arguments are the kind and the address of the link, NULL
/// without one, the time, the values of claims on that address, whether others keep theirs, and what tells those who do not. Claims are locked in the order of their ids: two users
/// who reset at once may each have claimed what is the other's.
macro_rules! by_reset {
    ($kind:literal, $address:literal, $at:literal, $values:literal, $keeps:literal, $losses:literal) => {
        concat!(
            ", ended_replacements AS (
                DELETE FROM phone_auth_replacement r USING one_user
                WHERE r.user_id = one_user.id
                    AND NOT EXISTS (SELECT 1 FROM since WHERE r.kind = since.kind AND r.new_id = ",
            $address,
            "::int8)
            ), ended_claims AS (
                DELETE FROM phone_auth_claim WHERE id = ANY(ARRAY(
                    SELECT id FROM phone_auth_claim WHERE id IN (
                        SELECT c.id FROM phone_auth_claim c, one_user, since WHERE c.user_id = one_user.id
                        UNION ALL
                        SELECT c.id FROM phone_auth_claim c, one_user, since
                        WHERE c.kind = since.kind AND c.value = ANY(",
            $values,
            ") AND NOT ",
            $keeps,
            ")
                    ORDER BY id FOR UPDATE))
                RETURNING id, user_id
            ), ended_links AS (
                DELETE FROM phone_auth_link_request WHERE claim_id = ANY(ARRAY(
                    SELECT id FROM phone_auth_claim WHERE id IN (
                        SELECT c.id FROM phone_auth_claim c, one_user, since
                        WHERE ",
            $keeps,
            " AND c.kind = since.kind AND c.value = ANY(",
            $values,
            ") AND c.user_id <> one_user.id
                        UNION ALL
                        SELECT c.id FROM phone_auth_claim c, one_user
                        WHERE c.user_id = one_user.id AND NOT c.is_proven AND NOT EXISTS (SELECT 1 FROM since))
                    ORDER BY id FOR UPDATE))
            ), told AS (",
            $crate::outbox::statements::enqueue_losses!("ended_claims", $losses),
            "), ",
            $crate::proofs::of_kind!(
                "phone_auth_emailaddress",
                "phone_auth_email_verified",
                "email",
                $kind,
                $address,
                $at
            ),
            ", ",
            $crate::proofs::of_kind!(
                "phone_auth_phonenumber",
                "phone_auth_phone_verified",
                "phone",
                $kind,
                $address,
                $at
            )
        )
    };
}

/// The part before that: since when the address of the link is proven.
macro_rules! since_of_link {
    ($kind:literal, $address:literal) => {
        concat!(
            $crate::proofs::since!(
                "phone_auth_emailaddress",
                "phone_auth_email_verified",
                "email",
                $kind,
                $address
            ),
            ", ",
            $crate::proofs::since!(
                "phone_auth_phonenumber",
                "phone_auth_phone_verified",
                "phone",
                $kind,
                $address
            ),
            ", since AS (SELECT * FROM email_since UNION ALL SELECT * FROM phone_since)"
        )
    };
}

/// What stands as the email address in the row of `auth_user` after that: an address without a proof, or that has it taken,
/// gives way to the oldest that is verified, or to none, and where there was none the address of the link stands. Django and others write to it. The
/// same statement changes the row, which can be done once only.
macro_rules! own_email_after_reset {
    ($kind:literal, $address:literal, $value:literal) => {
        concat!(
            "CASE WHEN ",
            $kind,
            "::text = 'email' AND coalesce(email, '') = '' THEN ",
            $value,
            "::text
            WHEN EXISTS (SELECT 1 FROM phone_auth_emailaddress a, since
                WHERE a.user_id = auth_user.id AND lower(a.email COLLATE \"C\") = lower(auth_user.email COLLATE \"C\")
                    AND NOT (",
            $kind,
            "::text = 'email' AND a.id = ",
            $address,
            "::int8) AND (a.is_verified IS NOT TRUE OR ",
            $crate::proofs::is_younger!($kind, $address),
            ")) THEN coalesce((SELECT a.email FROM phone_auth_emailaddress a
                WHERE a.user_id = auth_user.id AND (a.is_verified OR ",
            $kind,
            "::text = 'email' AND a.id = ",
            $address,
            "::int8) AND NOT ",
            $crate::proofs::is_younger!($kind, $address),
            " ORDER BY a.id LIMIT 1), '')
            ELSE email END"
        )
    };
}

/// Whether the email address `a` was proven later than the address of the link.
macro_rules! is_younger {
    ($kind:literal, $address:literal) => {
        concat!(
            "coalesce(a.is_verified AND NOT (",
            $kind,
            "::text = 'email' AND a.id = ",
            $address,
            "::int8) AND (SELECT v.verified_at FROM phone_auth_email_verified v WHERE v.address_id = a.id)
                > (SELECT verified_at FROM since), false)"
        )
    };
}

/// Since when an address is proven: before all times when no link has proven it, after all times when it is not verified; and
/// whether the one who had set the password until now has shown it. Where not, they have shown the others.
macro_rules! since {
    ($table:literal, $verified:literal, $name:literal, $kind:literal, $address:literal) => {
        concat!(
            $name,
            "_since AS (
                SELECT '",
            $name,
            "'::text AS kind, CASE WHEN is_verified THEN coalesce((SELECT verified_at FROM ",
            $verified,
            " WHERE address_id = ",
            $address,
            "::int8), '-infinity') ELSE 'infinity' END AS verified_at,
                    is_verified AND EXISTS (SELECT 1 FROM ",
            $verified,
            " WHERE address_id = ",
            $address,
            "::int8 AND in_session) AS was_shown
                FROM ",
            $table,
            " WHERE id = ",
            $address,
            "::int8 AND ",
            $kind,
            "::text = '",
            $name,
            "')"
        )
    };
}

macro_rules! of_kind {
    ($table:literal, $verified:literal, $name:literal, $kind:literal, $address:literal, $at:literal) => {
        concat!(
            $name,
            "_proven AS (
                UPDATE ",
            $table,
            " SET is_verified = true
                WHERE id = ",
            $address,
            "::int8 AND ",
            $kind,
            "::text = '",
            $name,
            "' AND is_verified IS NOT TRUE AND EXISTS (SELECT 1 FROM one_user)
            ), ",
            $name,
            "_kept AS (
                INSERT INTO ",
            $verified,
            " AS kept (address_id, verified_at, in_session)
                SELECT id, CASE WHEN is_verified THEN '-infinity' ELSE ",
            $at,
            "::timestamptz END, true FROM ",
            $table,
            " WHERE id = ",
            $address,
            "::int8 AND ",
            $kind,
            "::text = '",
            $name,
            "' AND EXISTS (SELECT 1 FROM one_user)
                ON CONFLICT (address_id) DO UPDATE SET in_session = true,
                    verified_at = CASE excluded.verified_at WHEN '-infinity' THEN kept.verified_at ELSE excluded.verified_at END
            ), ",
            $name,
            "_younger AS (
                UPDATE ",
            $table,
            " a SET is_verified = false
                WHERE a.user_id IN (SELECT id FROM one_user) AND a.is_verified
                    AND NOT (",
            $kind,
            "::text = '",
            $name,
            "' AND a.id = ",
            $address,
            "::int8)
                    AND (SELECT v.verified_at FROM ",
            $verified,
            " v WHERE v.address_id = a.id) > (SELECT verified_at FROM since)
            ), ",
            $name,
            "_unshown AS (
                UPDATE ",
            $verified,
            " v SET in_session = false FROM ",
            $table,
            " a WHERE a.id = v.address_id AND a.user_id IN (SELECT id FROM one_user) AND v.in_session
                    AND EXISTS (SELECT 1 FROM since WHERE was_shown IS NOT TRUE)
                    AND NOT (",
            $kind,
            "::text = '",
            $name,
            "' AND a.id = ",
            $address,
            "::int8)
            ), ",
            $name,
            "_links AS (
                DELETE FROM phone_auth_link_request
                WHERE kind = '",
            $name,
            "' AND purpose = 'verify' AND NOT EXISTS (SELECT 1 FROM ",
            $verified,
            " v WHERE v.address_id = holder AND v.verified_at >= date_trunc('second', requested_at))
                    AND holder IN (
                    SELECT a.id FROM ",
            $table,
            " a WHERE a.user_id IN (SELECT id FROM one_user)
                        AND (",
            $kind,
            "::text = '",
            $name,
            "' AND a.id = ",
            $address,
            "::int8) IS NOT TRUE)
            )"
        )
    };
}
/// Ends the links and codes that were sent to the claims of others than `$2` on an address that the user has proven, where those
/// claims stay. Locked in the order of their ids, as a reset locks them.
macro_rules! end_links_of_others {
    ($keeps:literal, $values:literal, $kind:literal, $proven:literal) => {
        concat!(
            "DELETE FROM phone_auth_link_request WHERE claim_id = ANY(ARRAY(
                SELECT id FROM phone_auth_claim
                WHERE ",
            $keeps,
            " AND kind = '",
            $kind,
            "' AND value = ANY(",
            $values,
            ") AND user_id <> $2 AND EXISTS (SELECT 1 FROM ",
            $proven,
            ")  ORDER BY id FOR UPDATE))"
        )
    };
}
/// The kind of the address that a user has verified for the longest.
pub(crate) const OLDEST_PROOF: &str = "
    SELECT a.kind FROM (
        SELECT 'email' AS kind,
            coalesce((SELECT v.verified_at FROM phone_auth_email_verified v WHERE v.address_id = e.id), '-infinity') AS since
            FROM phone_auth_emailaddress e WHERE e.user_id = $1 AND e.is_verified
        UNION ALL
        SELECT 'phone', coalesce((SELECT v.verified_at FROM phone_auth_phone_verified v WHERE v.address_id = p.id), '-infinity')
            FROM phone_auth_phonenumber p WHERE p.user_id = $1 AND p.is_verified
    ) a ORDER BY a.since, a.kind LIMIT 1";

/// The verified addresses of some users, so many of each kind of each, and which one each has verified for the longest.
pub(crate) const VERIFIED_OF: &str = "
    SELECT a.id::int8, a.value::text, true, u.id, a.kind, a.is_oldest
    FROM unnest($1::int8[]) u (id) CROSS JOIN LATERAL (
        SELECT v.*, row_number() OVER (PARTITION BY v.kind ORDER BY v.id) AS place,
            row_number() OVER (ORDER BY v.since, v.kind, v.id) = 1 AS is_oldest
        FROM (
            SELECT e.id, e.email AS value, 'email' AS kind, coalesce(
                (SELECT v.verified_at FROM phone_auth_email_verified v WHERE v.address_id = e.id), '-infinity') AS since
                FROM phone_auth_emailaddress e WHERE e.user_id = u.id AND e.is_verified
            UNION ALL
            SELECT p.id, p.phone, 'phone', coalesce(
                (SELECT v.verified_at FROM phone_auth_phone_verified v WHERE v.address_id = p.id), '-infinity')
                FROM phone_auth_phonenumber p WHERE p.user_id = u.id AND p.is_verified
        ) v
    ) a WHERE a.place <= $2 ORDER BY u.id, a.kind, a.id";

pub(crate) use {
    by_reset, end_links_of_others, is_younger, of_kind, own_email_after_reset, since, since_of_link,
};
