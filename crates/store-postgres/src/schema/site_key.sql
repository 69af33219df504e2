-- Fingerprints of the secret keys that links are signed with, the current one first. An empty text where an earlier
-- version has signed links with a key that it kept no fingerprint of: anyone who has a session, has verified an
-- address, or had a message pending, was served by one.

CREATE TABLE phone_auth_site_key (
    id bigint NOT NULL,
    fingerprints text NOT NULL,
    CONSTRAINT phone_auth_site_key_pkey PRIMARY KEY (id),
    CONSTRAINT phone_auth_site_key_only_one CHECK (id = 1)
);
INSERT INTO phone_auth_site_key
    SELECT 1, '' WHERE EXISTS (SELECT 1 FROM phone_auth_session)
        OR pg_sequence_last_value(pg_get_serial_sequence('phone_auth_outbox', 'id')::regclass) IS NOT NULL
        OR EXISTS (SELECT 1 FROM phone_auth_email_verified)
        OR EXISTS (SELECT 1 FROM phone_auth_phone_verified);
