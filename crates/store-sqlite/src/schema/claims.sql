-- Addresses that users have added while others held them without proof. A proof makes one an address like any other; its row
-- stays, so that the link which proved it says so when it is opened again. The numbers begin where no row of an address
-- comes. A user who is deleted, by Django too, takes theirs along.

CREATE TABLE phone_auth_claim (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id integer NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    kind text NOT NULL,
    value text NOT NULL,
    is_proven bool NOT NULL DEFAULT 0,
    UNIQUE (user_id, kind, value)
);
INSERT INTO sqlite_sequence (name, seq) VALUES ('phone_auth_claim', 4611686018427387903);
