-- Sessions. A user who is deleted, by Django too, takes theirs along.

CREATE TABLE phone_auth_session (
    digest BLOB NOT NULL PRIMARY KEY,
    person_id integer NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    created_at datetime NOT NULL,
    expires_at datetime NOT NULL
) WITHOUT ROWID;
