//! The steps that bring the tables up to date, in order, and what each makes.

use crate::made::Made;
use crate::outbox::statements::{ENQUEUE_FUNCTION, OLD_ENQUEUE_FUNCTION};

/// A step that every database goes through once. The first is number 1. The indexes that it makes stand in
/// [`INDEXES`](crate::indexes::INDEXES), each with the number of its step.
pub(crate) struct Migration {
    pub(crate) name: &'static str,
    /// What it makes, one after the other.
    pub(crate) parts: &'static [Part],
}

/// A part of a step, which has a transaction of its own.
pub(crate) struct Part {
    pub(crate) makes: Made,
    /// The one table, of those that servers of earlier versions use, that it keeps others from.
    pub(crate) locks: &'static str,
    pub(crate) statements: &'static str,
}

/// All steps. What a step that has been released makes is never changed, only followed by another.
///
/// A part takes a strong lock on one table at most that servers of earlier versions use. Two at once would be held while
/// the second is waited for, and anyone who takes them the other way round would be in a deadlock with us.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "users and addresses",
        parts: &[
            Part {
                makes: Made::Column("auth_user", "id"),
                locks: "auth_user",
                statements: include_str!("schema/auth_user.sql"),
            },
            Part {
                makes: Made::Column("phone_auth_emailaddress", "id"),
                locks: "auth_user",
                statements: include_str!("schema/phone_auth_emailaddress.sql"),
            },
            Part {
                makes: Made::Column("phone_auth_phonenumber", "id"),
                locks: "auth_user",
                statements: include_str!("schema/phone_auth_phonenumber.sql"),
            },
        ],
    },
    Migration {
        name: "sessions",
        parts: &[Part {
            makes: Made::Column("phone_auth_session", "digest"),
            locks: "auth_user",
            statements: include_str!("schema/sessions.sql"),
        }],
    },
    Migration {
        name: "outbox",
        parts: &[Part {
            makes: Made::Column("phone_auth_outbox", "id"),
            locks: "auth_user",
            statements: include_str!("schema/outbox.sql"),
        }],
    },
    Migration {
        name: "verified addresses",
        parts: &[
            Part {
                makes: Made::Column("phone_auth_email_verified", "address_id"),
                locks: "phone_auth_emailaddress",
                statements: include_str!("schema/email_verified.sql"),
            },
            Part {
                makes: Made::Column("phone_auth_phone_verified", "address_id"),
                locks: "phone_auth_phonenumber",
                statements: include_str!("schema/phone_verified.sql"),
            },
        ],
    },
    Migration {
        name: "sessions bound to passwords",
        // The digest of the password that a session is bound to. NULL in sessions of a version before it: they are bound
        // when they are met, or by the worker, which finds them by an index.
        parts: &[Part {
            makes: Made::Column("phone_auth_session", "password_digest"),
            locks: "phone_auth_session",
            statements: "ALTER TABLE phone_auth_session ADD COLUMN password_digest bytea",
        }],
    },
    Migration {
        name: "site key",
        parts: &[Part {
            makes: Made::Column("phone_auth_site_key", "id"),
            locks: "phone_auth_outbox",
            statements: include_str!("schema/site_key.sql"),
        }],
    },
    Migration {
        name: "link requests",
        parts: &[
            Part {
                makes: Made::Column("phone_auth_link_request", "holder"),
                locks: "phone_auth_link_request",
                statements: include_str!("schema/links.sql"),
            },
            Part {
                makes: Made::Constraint(
                    "phone_auth_link_request",
                    "phone_auth_link_request_email_id_fkey",
                ),
                locks: "phone_auth_emailaddress",
                statements: "ALTER TABLE phone_auth_link_request
                    ADD CONSTRAINT phone_auth_link_request_email_id_fkey
                    FOREIGN KEY (email_id) REFERENCES phone_auth_emailaddress (id) ON DELETE CASCADE",
            },
            Part {
                makes: Made::Constraint(
                    "phone_auth_link_request",
                    "phone_auth_link_request_phone_id_fkey",
                ),
                locks: "phone_auth_phonenumber",
                statements: "ALTER TABLE phone_auth_link_request
                    ADD CONSTRAINT phone_auth_link_request_phone_id_fkey
                    FOREIGN KEY (phone_id) REFERENCES phone_auth_phonenumber (id) ON DELETE CASCADE",
            },
            Part {
                makes: Made::Column("phone_auth_outbox", "requested_at"),
                locks: "phone_auth_outbox",
                statements: "ALTER TABLE phone_auth_outbox ADD COLUMN requested_at timestamptz NULL",
            },
        ],
    },
    Migration {
        name: "spellings",
        parts: &[],
    },
    Migration {
        name: "leases of messages",
        parts: &[
            Part {
                makes: Made::Column("phone_auth_outbox", "earlier_receipts"),
                locks: "phone_auth_outbox",
                statements: include_str!("schema/outbox_leases.sql"),
            },
            Part {
                // Messages to nobody are no longer kept.
                makes: Made::Rows,
                locks: "phone_auth_outbox",
                statements: "DELETE FROM phone_auth_outbox WHERE person_id IS NULL AND died_at IS NULL",
            },
        ],
    },
    Migration {
        name: "queues of messages",
        parts: &[
            Part {
                // Since when a message waits until it is due, be it leased or put off: a clock that was set back is before
                // that. A server of the version before knows nothing of it.
                makes: Made::Column("phone_auth_outbox", "waits_since"),
                locks: "phone_auth_outbox",
                statements: "ALTER TABLE phone_auth_outbox ADD COLUMN waits_since timestamptz NULL",
            },
            Part {
                // What is ready stands in the order of its queue, where a server of the version before finds it as well.
                makes: Made::Rows,
                locks: "phone_auth_outbox",
                statements: "DROP INDEX IF EXISTS phone_auth_outbox_ready",
            },
        ],
    },
    Migration {
        name: "public site",
        // The origin of the site that serves others from here. NULL until one of a version that notes it begins.
        parts: &[Part {
            makes: Made::Column("phone_auth_site_key", "origin"),
            locks: "phone_auth_site_key",
            statements: "ALTER TABLE phone_auth_site_key ADD COLUMN origin text NULL",
        }],
    },
    Migration {
        name: "limits",
        parts: &[Part {
            makes: Made::Column("phone_auth_limit", "digest"),
            locks: "phone_auth_limit",
            statements: include_str!("schema/limits.sql"),
        }],
    },
    Migration {
        // The indexes that its own take the place of stay: servers of the version before look numbers up by them.
        name: "white space in names",
        parts: &[],
    },
    Migration {
        name: "challenges",
        parts: &[
            Part {
                // Since when the code of a link counts its age. NULL when no code was asked for, as by a server of the version
                // before.
                makes: Made::Column("phone_auth_link_request", "code_at"),
                locks: "phone_auth_link_request",
                statements: "ALTER TABLE phone_auth_link_request ADD COLUMN code_at timestamptz NULL",
            },
            Part {
                makes: Made::Column("phone_auth_challenge", "id"),
                locks: "phone_auth_challenge",
                statements: include_str!("schema/challenges.sql"),
            },
        ],
    },
    Migration {
        // What a security notice tells and where it goes. A server of the version before leaves such messages to others, and
        // goes on claiming by the indexes that those of this step take the place of: they stay.
        name: "security notices",
        parts: &[Part {
            makes: Made::Column("phone_auth_outbox", "notice"),
            locks: "phone_auth_outbox",
            statements: "ALTER TABLE phone_auth_outbox ADD COLUMN notice text NULL",
        }],
    },
    Migration {
        name: "text messages",
        parts: &[Part {
            makes: Made::Column("phone_auth_limit_sms", "digest"),
            locks: "phone_auth_limit_sms",
            statements: include_str!("schema/limit_sms.sql"),
        }],
    },
    Migration {
        name: "proofs of sessions",
        // When the user last proved in it who they are. NULL until they do; a server of the version before leaves it so.
        parts: &[Part {
            makes: Made::Column("phone_auth_session", "proven_at"),
            locks: "phone_auth_session",
            statements: "ALTER TABLE phone_auth_session ADD COLUMN proven_at timestamptz NULL",
        }],
    },
    Migration {
        name: "life of challenges",
        // What was asked for, how many messages were sent for it, when the next may be, and when the right code came. A server
        // of the version before writes none of them: what it began is taken for something else, and what it ends is gone.
        parts: &[
            Part {
                makes: Made::Column("phone_auth_challenge", "subject"),
                locks: "phone_auth_challenge",
                statements: "ALTER TABLE phone_auth_challenge ADD COLUMN subject bytea NULL",
            },
            Part {
                makes: Made::Column("phone_auth_challenge", "sends"),
                locks: "phone_auth_challenge",
                statements: "ALTER TABLE phone_auth_challenge ADD COLUMN sends integer NOT NULL DEFAULT 1",
            },
            Part {
                makes: Made::Column("phone_auth_challenge", "resend_at"),
                locks: "phone_auth_challenge",
                statements: "ALTER TABLE phone_auth_challenge ADD COLUMN resend_at timestamptz NULL",
            },
            Part {
                makes: Made::Column("phone_auth_challenge", "proven_at"),
                locks: "phone_auth_challenge",
                statements: "ALTER TABLE phone_auth_challenge ADD COLUMN proven_at timestamptz NULL",
            },
        ],
    },
    Migration {
        // The queue of the events for durable receivers. A server of the version before leaves such rows to others. The indexes that
        // it made are those of the next step now.
        name: "durable receivers",
        parts: &[],
    },
    Migration {
        // Messages with a code to sign in have queues of their own. A server of the version before leaves such messages to
        // others. The indexes that it made are those of a later step now.
        name: "queues of signing in by code",
        parts: &[],
    },
    Migration {
        // A server of the version before lists no claims and sends nothing to them; its own requests for links are for none.
        name: "claims",
        parts: &[
            Part {
                makes: Made::Column("phone_auth_claim", "id"),
                locks: "auth_user",
                statements: include_str!("schema/claims.sql"),
            },
            Part {
                makes: Made::Column("phone_auth_link_request", "claim_id"),
                locks: "phone_auth_link_request",
                statements: "ALTER TABLE phone_auth_link_request ADD COLUMN claim_id bigint NULL
                    CONSTRAINT phone_auth_link_request_claim_id_fkey REFERENCES phone_auth_claim (id) ON DELETE CASCADE",
            },
        ],
    },
    Migration {
        name: "uses of sessions",
        // What its user is told of a session. NULL of one that a server of the version before begins.
        parts: &[Part {
            makes: Made::Column("phone_auth_session", "seen_at"),
            locks: "phone_auth_session",
            statements: include_str!("schema/session_uses.sql"),
        }],
    },
    Migration {
        name: "channels",
        // A server of the version before sends a message by the usual channel.
        parts: &[Part {
            makes: Made::Column("phone_auth_outbox", "channel"),
            locks: "phone_auth_outbox",
            statements: "ALTER TABLE phone_auth_outbox ADD COLUMN channel text NULL",
        }],
    },
    Migration {
        // The function that it made is one of a later step now.
        name: "enqueueing",
        parts: &[],
    },
    Migration {
        name: "challenges of nobody",
        // Which of the many keys of its place a challenge of nobody has. NULL of all others, and of one that a server of the
        // version before began: it is found by its place alone, as that version finds it, until it is over.
        parts: &[Part {
            makes: Made::Column("phone_auth_challenge", "key_digest"),
            locks: "phone_auth_challenge",
            statements: "ALTER TABLE phone_auth_challenge ADD COLUMN key_digest bytea NULL",
        }],
    },
    Migration {
        // Those of an address end with it, and are found by an index.
        name: "challenges by address",
        parts: &[],
    },
    Migration {
        // A server of the version before closes at once, and knows nothing of those that wait.
        name: "closings",
        parts: &[Part {
            makes: Made::Column("phone_auth_closing", "user_id"),
            locks: "auth_user",
            statements: include_str!("schema/closing.sql"),
        }],
    },
    Migration {
        // A server of the version before leaves both addresses.
        name: "changes of addresses",
        parts: &[Part {
            makes: Made::Column("phone_auth_replacement", "user_id"),
            locks: "auth_user",
            statements: include_str!("schema/replacements.sql"),
        }],
    },
    Migration {
        // The mount of the site that serves others from here. NULL until one of a version that notes it begins.
        name: "mount of the public site",
        parts: &[Part {
            makes: Made::Column("phone_auth_site_key", "mount"),
            locks: "phone_auth_site_key",
            statements: "ALTER TABLE phone_auth_site_key ADD COLUMN mount text NULL",
        }],
    },
    Migration {
        // Whether who proved an address was signed in. A server of the version before says it of none, but leaves it where it was
        // said of the proof before.
        name: "proofs in a session",
        parts: &[
            Part {
                makes: Made::Column("phone_auth_email_verified", "in_session"),
                locks: "phone_auth_email_verified",
                statements: "ALTER TABLE phone_auth_email_verified ADD COLUMN in_session boolean NOT NULL DEFAULT false",
            },
            Part {
                makes: Made::Column("phone_auth_phone_verified", "in_session"),
                locks: "phone_auth_phone_verified",
                statements: "ALTER TABLE phone_auth_phone_verified ADD COLUMN in_session boolean NOT NULL DEFAULT false",
            },
        ],
    },
    Migration {
        // When it was asked for. A server of the version before leaves it NULL, and what it keeps does not grow old.
        name: "age of changes of addresses",
        parts: &[Part {
            makes: Made::Column("phone_auth_replacement", "asked_at"),
            locks: "phone_auth_replacement",
            statements: "ALTER TABLE phone_auth_replacement ADD COLUMN asked_at timestamptz NULL;
                UPDATE phone_auth_replacement SET asked_at = now()",
        }],
    },
    Migration {
        // A server of the version before keeps no names, and knows no closing of nobody: it closes such an account as any other.
        name: "names of sign-ups by code",
        parts: &[
            Part {
                makes: Made::Column("phone_auth_challenge", "first_name"),
                locks: "phone_auth_challenge",
                statements: "ALTER TABLE phone_auth_challenge ADD COLUMN first_name text NULL",
            },
            Part {
                makes: Made::Column("phone_auth_challenge", "last_name"),
                locks: "phone_auth_challenge",
                statements: "ALTER TABLE phone_auth_challenge ADD COLUMN last_name text NULL",
            },
            Part {
                makes: Made::Column("phone_auth_closing", "is_of_nobody"),
                locks: "phone_auth_closing",
                statements: "ALTER TABLE phone_auth_closing ADD COLUMN is_of_nobody boolean NOT NULL DEFAULT false",
            },
        ],
    },
    Migration {
        // The last attempt that was begun and had not ended when the next was. A server of the version before leaves it as it is.
        name: "unended attempts",
        parts: &[Part {
            makes: Made::Column("phone_auth_outbox", "unended_attempt"),
            locks: "phone_auth_outbox",
            statements: "ALTER TABLE phone_auth_outbox ADD COLUMN unended_attempt bigint NULL",
        }],
    },
    Migration {
        // To lock, to enqueue and to forget are three statements, each of which must see what was done before it: in a
        // function they are one for the one who calls it, and are planned once for a connection. A server of the version before
        // calls the function before, which tells nothing of what is superseded: that stays counted.
        name: "messages that were superseded",
        parts: &[
            Part {
                makes: Made::Function("phone_auth_enqueue_over"),
                locks: "phone_auth_schema",
                statements: ENQUEUE_FUNCTION,
            },
            Part {
                // The one that servers of the version before call. Most databases have it.
                makes: Made::Function("phone_auth_enqueue"),
                locks: "phone_auth_schema",
                statements: OLD_ENQUEUE_FUNCTION,
            },
        ],
    },
    Migration {
        // Messages with a code that confirms who a user is wait in the queues of those that log in. A server of the version before
        // leaves such messages to others, and goes on claiming by the indexes that those of this step take the place of: they stay.
        name: "queues of confirming",
        parts: &[],
    },
];

/// The tables of django-phone-auth's, and the columns that they have and that the store reads or writes.
pub(crate) const MODEL_COLUMNS: [(&str, &[&str]); 3] = [
    (
        "auth_user",
        &[
            "id",
            "password",
            "last_login",
            "is_superuser",
            "username",
            "first_name",
            "last_name",
            "email",
            "is_staff",
            "is_active",
            "date_joined",
        ],
    ),
    (
        "phone_auth_emailaddress",
        &["id", "email", "is_verified", "user_id"],
    ),
    (
        "phone_auth_phonenumber",
        &["id", "phone", "is_verified", "user_id"],
    ),
];

/// The columns that are there after so many steps, each with its table and the number of its step.
pub(crate) fn columns_after(
    applied: usize,
) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
    let of_model = MODEL_COLUMNS.iter().filter(move |_| applied > 0);
    let of_model =
        of_model.flat_map(|(table, columns)| columns.iter().map(|column| (*table, *column, 1)));
    let steps = (1..).zip(MIGRATIONS).take(applied);
    let made = steps.flat_map(|(step, migration)| {
        let parts = migration.parts.iter();
        parts.filter_map(move |part| match part.makes {
            Made::Column(table, column) => Some((table, column, step)),
            Made::Constraint(..) | Made::Function(_) | Made::Rows => None,
        })
    });
    of_model.chain(made)
}
