-- Accounts that are to be closed at a time, unless their users log in before. A user who is deleted, by Django too, takes
-- theirs along.

CREATE TABLE phone_auth_closing (
    user_id bigint NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    begun_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    CONSTRAINT phone_auth_closing_pkey PRIMARY KEY (user_id)
);
