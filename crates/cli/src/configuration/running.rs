//! The settings for how the program runs: what may wait, how long clients may take, and who delivers messages.

use super::setting::{SIGNALS, Setting, TIME, YES_OR_NO, messages, number, put, some_time, texts};

/// All of them.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "hashing_queue",
        right: "a number from 1 to 10000",
        default: "64",
        does: "how many passwords may wait to be hashed before log-ins are answered 503",
        take: |to, given| put(&mut to.hashing_queue, number(given, 1..=10_000)),
    },
    Setting {
        name: "max_connections",
        right: "a number from 1 to 100000",
        default: "1000",
        does: "how many connections there are at once; when all are taken, those that wait for their client give way, idle ones first",
        take: |to, given| put(&mut to.max_connections, number(given, 1..=100_000)),
    },
    Setting {
        name: "max_connections_per_client",
        right: "a number from 1 to 100000",
        default: "the half of max_connections",
        does: "how many of them one client may have: an IPv4 address, or an IPv6 network of 64 bits; this machine and private networks, where a proxy may be, may have all",
        take: |to, given| {
            put(
                &mut to.max_connections_per_client,
                number(given, 1..=100_000).map(Some),
            )
        },
    },
    Setting {
        name: "header_timeout",
        right: TIME,
        default: "10 s",
        does: "how long a client may take to send the head of a request",
        take: |to, given| put(&mut to.header_timeout, some_time(given)),
    },
    Setting {
        name: "request_timeout",
        right: TIME,
        default: "30 s",
        does: "how long a client may take to send the body of a request before it is answered 408, and how long we may take to handle it before it is answered 503",
        take: |to, given| put(&mut to.request_timeout, some_time(given)),
    },
    Setting {
        name: "response_timeout",
        right: TIME,
        default: "30 s",
        does: "how long a client may take to read an answer",
        take: |to, given| put(&mut to.response_timeout, some_time(given)),
    },
    Setting {
        name: "keep_alive_timeout",
        right: TIME,
        default: "75 s",
        does: "how long a connection stays open between an answer and the next request; longer than that of a proxy in front, so that it ends them",
        take: |to, given| put(&mut to.keep_alive_timeout, some_time(given)),
    },
    Setting {
        name: "shutdown_grace",
        right: TIME,
        default: "30 s",
        does: "how long requests and messages under way may take to finish when the program stops",
        take: |to, given| put(&mut to.shutdown_grace, some_time(given)),
    },
    Setting {
        name: "receiver_timeout",
        right: TIME,
        default: "30 s",
        does: "how long a receiver of a signal may take",
        take: |to, given| put(&mut to.receiver_timeout, some_time(given)),
    },
    Setting {
        name: "outbox_worker",
        right: YES_OR_NO,
        default: "true",
        does: "whether the site delivers what it owes itself; false where `phone-auth worker` does",
        take: |to, given| put(&mut to.outbox_worker, given.boolean()),
    },
    Setting {
        name: "outbox_lease",
        right: TIME,
        default: "15 s",
        does: "how soon another worker takes over what one that died had claimed",
        take: |to, given| put(&mut to.outbox_lease, some_time(given)),
    },
    Setting {
        name: "max_pending_messages",
        right: "a number from 1 to 1000000",
        default: "10000",
        does: "how many messages may be pending before requests for one are answered 503, whoever is named",
        take: |to, given| {
            let pending = number(given, 1..=1_000_000)?;
            let pending = u32::try_from(pending).ok();
            put(&mut to.accounts.max_pending_messages, pending)
        },
    },
    Setting {
        name: "switched_off_receivers",
        right: "a list of ids of receivers",
        default: "none",
        does: "receivers that are linked but not called; `phone-auth signals` shows their ids",
        take: |to, given| put(&mut to.switched_off_receivers, texts(given)),
    },
    Setting {
        name: "unreceived",
        right: SIGNALS,
        default: "none",
        does: "the signals whose messages nobody sends: who asks for one is told that the site sends none",
        take: |to, given| put(&mut to.unreceived, messages(given)),
    },
    Setting {
        name: "development",
        right: YES_OR_NO,
        default: "true on a loopback address while nobody sends messages and site_url is not another one",
        does: "whether messages are printed and shown on a page that only the printed link opens; true is refused elsewhere",
        take: |to, given| put(&mut to.development, given.boolean().map(Some)),
    },
];
