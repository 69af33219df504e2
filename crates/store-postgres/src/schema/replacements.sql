-- Addresses of users that are to take the place of others of theirs once they are proven; of each kind the newest. Numbers of
-- addresses and claims are never used twice, so what is gone refers to nothing. A user who is deleted, by Django too, takes
-- theirs along.

CREATE TABLE phone_auth_replacement (
    user_id bigint NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    kind text NOT NULL,
    old_id bigint NOT NULL,
    new_id bigint NOT NULL,
    CONSTRAINT phone_auth_replacement_pkey PRIMARY KEY (user_id, kind)
);
