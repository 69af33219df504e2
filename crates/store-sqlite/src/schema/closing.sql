-- Accounts that are to be closed at a time, unless their users log in before. Times in microseconds since 1970. A user who is
-- deleted, by Django too, takes theirs along.

CREATE TABLE phone_auth_closing (
    user_id integer NOT NULL PRIMARY KEY REFERENCES auth_user (id) ON DELETE CASCADE,
    begun_at integer NOT NULL,
    due_at integer NOT NULL
);
