-- What waits for a code, under the digest of the key that the browser which asked for it has. The code is in no row. One that
-- is nobody's is kept in one of a bounded number of places, and overwritten. The rows outlive an address by minutes, and no
-- number of an address is used twice, so none refers to it.

CREATE TABLE phone_auth_challenge (
    id bytea NOT NULL CONSTRAINT phone_auth_challenge_pkey PRIMARY KEY,
    purpose text NOT NULL,
    email_id bigint NULL,
    phone_id bigint NULL,
    attempts_left integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
