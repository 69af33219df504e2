-- Messages that are owed, and dead letters. A message to nobody has no person. A person who is deleted, by Django
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
CREATE INDEX phone_auth_outbox_due ON phone_auth_outbox (due_at, id) WHERE died_at IS NULL;
CREATE INDEX phone_auth_outbox_address ON phone_auth_outbox (address_id, kind, purpose) WHERE died_at IS NULL;
CREATE INDEX phone_auth_outbox_died ON phone_auth_outbox (died_at) WHERE died_at IS NOT NULL;
CREATE INDEX phone_auth_outbox_person ON phone_auth_outbox (person_id);
