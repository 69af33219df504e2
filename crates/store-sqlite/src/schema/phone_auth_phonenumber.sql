-- The table of Django 5.2 and django-phone-auth 0.3.1, to the column, made where there is none yet.
-- The names of the indexes are those that Django gives, so that it finds its own.

CREATE TABLE "phone_auth_phonenumber" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "phone" varchar(128) NOT NULL UNIQUE,
    "is_verified" bool NOT NULL,
    "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX "phone_auth_phonenumber_user_id_32500e94"
    ON "phone_auth_phonenumber" ("user_id");
