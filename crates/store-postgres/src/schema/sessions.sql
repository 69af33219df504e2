-- Sessions. A user who is deleted, by Django too, takes theirs along. Ids of users are 32 bits wide
-- in some databases and 64 in others; this column holds either.

CREATE TABLE phone_auth_session (
    digest bytea NOT NULL,
    person_id bigint NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT phone_auth_session_pkey PRIMARY KEY (digest)
);
