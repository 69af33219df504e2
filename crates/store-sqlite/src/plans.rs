//! No statement looks at every row: that every lookup has an index is a test.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::AddressKind;
use rusqlite::Connection;

use crate::{
    address_changes, addresses, challenges, claims, closing, closing_schedule, django_sessions,
    holders, limits, links, migrations, outbox, passwords, proofs, replacements, sessions,
    site_key, users,
};

#[test]
#[expect(clippy::too_many_lines, reason = "it is the list of all statements")]
fn every_lookup_uses_an_index() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::run(&mut connection).unwrap();
    let mut statements = vec![
        users::statements::USER,
        users::statements::USERS_AFTER,
        users::statements::FIND,
        users::statements::TAKEN,
        users::statements::SET_ACTIVE,
        passwords::LAST_LOGIN,
        passwords::REPLACE_PASSWORD,
        passwords::END_SESSIONS,
        passwords::MOVE_SESSION,
        passwords::IS_UNPROVEN,
        sessions::ALIVE,
        django_sessions::PROVEN,
        sessions::RECORD,
        sessions::END,
        sessions::END_OLDEST,
        sessions::BIND,
        sessions::REBIND,
        sessions::PROVE,
        sessions::NOTE_USE,
        sessions::OF_USER,
        sessions::IS_OF_USER,
        sessions::UNBOUND,
        sessions::REMOVE_EXPIRED,
        sessions::PAGE,
        sessions::END_DISABLED,
        addresses::statements::OF_USER,
        holders::OLDEST_PROOF,
        holders::VERIFIED_OF,
        address_changes::statements::NEXT_EMAIL,
        address_changes::statements::SUCCESSOR,
        address_changes::statements::MAKE_PRIMARY,
        users::statements::USERNAME_TAKEN,
        users::statements::RENAME,
        passwords::SET_NAMES,
        claims::CLAIM,
        claims::PROVEN,
        holders::CLAIMED,
        claims::END_ON,
        claims::END_OF,
        claims::END_OF_OTHERS,
        claims::END_LINKS_OF_OTHERS,
        claims::END_BY_RESET,
        address_changes::statements::OWN_EMAIL,
        replacements::FIND,
        replacements::END,
        replacements::END_BY_RESET,
        replacements::END_ALL,
        replacements::END_WITH,
        closing_schedule::FIND,
        closing_schedule::CANCEL,
        closing_schedule::DUE,
        closing_schedule::PUT_OFF,
        closing_schedule::IS_DUE,
        closing::END_CHALLENGES,
        closing::REMOVE_USER,
        closing::ANONYMISE,
        closing::ROWS,
        challenges::TAKEN,
        challenges::FIND,
        challenges::KEEP_NAMES,
        challenges::NAMES,
        challenges::RENEW,
        challenges::ATTEMPT,
        challenges::RETURN,
        challenges::END_CODE,
        challenges::END,
        challenges::REOPEN,
        links::RESTORE,
        challenges::REMOVE,
        challenges::REMOVE_EXPIRED,
        limits::FIND,
        limits::REMOVE,
        limits::CLEAR,
        limits::FULL_AFTER,
        limits::REMOVE_EMPTY,
        limits::TEXTS,
        limits::TEXTS_AFTER,
        limits::CLEAR_TEXTS,
        limits::REMOVE_OLD_TEXTS,
        links::REQUEST,
        links::END_ALL[0],
        links::END_ALL[1],
        links::END_OF_CLAIMS,
        links::OF_USER,
        outbox::statements::SUPERSEDED,
        outbox::statements::SUPERSEDE,
        outbox::statements::AGE_LETTERS,
        outbox::statements::FORGET,
        outbox::statements::DUE,
        outbox::statements::IS_DUE,
        outbox::statements::WAITS_AHEAD,
        outbox::statements::WAIT_ANEW,
        outbox::statements::WAIT_NO_MORE,
        outbox::statements::CLAIM,
        outbox::statements::HELD,
        outbox::statements::EXTEND,
        outbox::statements::EXTEND_SUPERSEDED,
        outbox::statements::PUT_OFF,
        outbox::statements::RELEASE,
        outbox::statements::REMOVE,
        outbox::statements::DEAD_LETTER,
        outbox::statements::REMOVE_OLDER_LETTERS,
        outbox::statements::DEAD_LETTER_UNREADABLE,
        outbox::statements::NEXT_DUE,
        outbox::statements::IS_READY,
        outbox::statements::PENDING,
        outbox::statements::LETTER,
        outbox::statements::MESSAGE,
        outbox::statements::MESSAGES_AFTER,
        outbox::statements::REQUEUE,
        outbox::statements::PURGE,
        site_key::RECORD,
        site_key::REPLACE,
        site_key::PUBLIC_SITE,
        site_key::NOTE_PUBLIC_SITE,
    ];
    statements.extend(closing::REMOVE);
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let of_kind = addresses::statements::statements(kind);
        statements.extend([
            of_kind.may_add,
            of_kind.with_user,
            of_kind.verify,
            of_kind.is_verified,
            of_kind.target,
            of_kind.is_newest,
            of_kind.end_link,
            of_kind.free,
        ]);
        let of_kind = address_changes::statements::statements(kind);
        statements.extend([
            of_kind.look,
            of_kind.remove,
            of_kind.text,
            of_kind.set_verified,
        ]);
        let of_kind = claims::statements(kind);
        statements.extend([
            of_kind.is_kept,
            of_kind.held,
            of_kind.with_user,
            of_kind.target,
        ]);
    }
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let of_kind = proofs::statements::statements(kind);
        statements.extend([
            of_kind.keep_when,
            of_kind.keep_session,
            of_kind.since,
            of_kind.mark,
            of_kind.end_younger,
            of_kind.was_shown,
            of_kind.end_shown,
            of_kind.end_links,
        ]);
    }
    statements.push(proofs::statements::UNPROVEN_GIVES_WAY);
    for statement in statements {
        for step in plan(&connection, statement) {
            // What a subquery has found is looked through, and is a few rows at most.
            let looks_through = ["SCAN m", "SCAN (subquery", "SCAN a", "SCAN q VIRTUAL"];
            let found = looks_through.iter().any(|it| step.starts_with(it));
            // So is what is in an index of what is looked for.
            let is_whole = step.contains(" INDEX phone_auth_outbox_queue_ready");
            let scans = step.starts_with("SCAN") && !found && !is_whole;
            assert!(!scans || step == "SCAN CONSTANT ROW", "{step}: {statement}");
        }
    }
}

/// Whatever is asked at every request looks at no address that is not verified, of which there may be very many.
#[test]
fn verified_addresses_have_their_own_index() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::run(&mut connection).unwrap();
    for statement in [sessions::ALIVE, django_sessions::PROVEN] {
        let plan = plan(&connection, statement).join("\n");
        for index in [
            "phone_auth_emailaddress_any_verified",
            "phone_auth_phonenumber_any_verified",
        ] {
            assert!(plan.contains(index), "{plan}");
        }
    }
}

/// Whatever is kept at the places of a group is read to its end: where the key was found first would tell, by the time that it
/// takes, how many of nobody's are there.
#[test]
fn group_of_a_key_is_read_to_its_end() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::run(&mut connection).unwrap();
    for statement in [
        challenges::FIND,
        challenges::KEEP_NAMES,
        challenges::NAMES,
        challenges::RENEW,
        challenges::ATTEMPT,
        challenges::RETURN,
        challenges::REMOVE,
    ] {
        let plan = plan(&connection, statement).join("\n");
        assert!(plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{plan}");
    }
}

/// Of a queue that is left out, however many wait in it, a claim looks at none.
#[test]
fn paused_queue_is_not_looked_at() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::run(&mut connection).unwrap();
    for statement in [outbox::statements::DUE, outbox::statements::IS_DUE] {
        let steps = plan(&connection, statement);
        let searches = |index: &str| {
            let index = format!(" INDEX {index} (");
            steps.iter().find(|step| step.contains(&index)).unwrap()
        };
        let ready = searches("phone_auth_outbox_queue_ready");
        assert!(ready.ends_with("(<expr>=?)"), "{ready}");
        let due = searches("phone_auth_outbox_queue_due");
        assert!(due.ends_with("(<expr>=? AND due_at<?)"), "{due}");
        let mut walks = steps
            .iter()
            .filter(|it| it.contains("phone_auth_outbox_due"));
        assert_eq!(walks.next(), None, "all that is pending");
    }
}

/// The steps in which SQLite would run a statement.
fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let mut explained = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
        .unwrap();
    let unbound = vec![rusqlite::types::Null; explained.parameter_count()];
    let steps = explained
        .query_map(rusqlite::params_from_iter(unbound), |row| row.get("detail"))
        .unwrap();
    steps.map(Result::unwrap).collect()
}
