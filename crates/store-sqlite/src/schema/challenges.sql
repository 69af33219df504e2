-- What waits for a code, under the digest of the key that the browser which asked for it has. Times in microseconds since
-- 1970. The code is in no row. One that is nobody's is kept in one of a bounded number of places, and overwritten. The rows
-- outlive an address by minutes, and no number of an address is used twice, so none refers to it.

CREATE TABLE phone_auth_challenge (
    id BLOB NOT NULL PRIMARY KEY,
    purpose text NOT NULL,
    email_id integer NULL,
    phone_id integer NULL,
    attempts_left integer NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL
) WITHOUT ROWID;
