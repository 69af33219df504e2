-- Messages that are pending, and dead letters. A message to nobody has no user. A user who is deleted, by Django
-- too, takes theirs along.

CREATE TABLE phone_auth_outbox (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    message_key text NOT NULL UNIQUE,
    purpose text NOT NULL,
    kind text NOT NULL,
    person_id integer NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    address_id integer NULL,
    binding BLOB NOT NULL,
    language text NULL,
    created_at datetime NOT NULL,
    expires_at datetime NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    due_at datetime NOT NULL,
    receipts text NOT NULL DEFAULT '[]',
    died_at datetime NULL,
    reason text NULL
);
