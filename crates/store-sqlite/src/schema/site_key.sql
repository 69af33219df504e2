-- Fingerprints of the secret keys that links are signed with, the current one first. An empty text where an earlier
-- version has signed links with a key that it kept no fingerprint of: anyone who has a session, has verified an
-- address, or had a message pending, was served by one.

CREATE TABLE phone_auth_site_key (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    fingerprints text NOT NULL
);
INSERT INTO phone_auth_site_key
    SELECT 1, '' WHERE EXISTS (SELECT 1 FROM phone_auth_session)
        OR EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'phone_auth_outbox')
        OR EXISTS (SELECT 1 FROM phone_auth_email_verified)
        OR EXISTS (SELECT 1 FROM phone_auth_phone_verified);
