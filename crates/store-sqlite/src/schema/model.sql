-- The tables of Django 5.2 and django-phone-auth 0.3.1, to the column, where they are not there yet.
-- The names of the indexes are those that Django gives, so that it finds its own.

CREATE TABLE IF NOT EXISTS "auth_user" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "password" varchar(128) NOT NULL,
    "last_login" datetime NULL,
    "is_superuser" bool NOT NULL,
    "username" varchar(150) NOT NULL UNIQUE,
    "last_name" varchar(150) NOT NULL,
    "email" varchar(254) NOT NULL,
    "is_staff" bool NOT NULL,
    "is_active" bool NOT NULL,
    "date_joined" datetime NOT NULL,
    "first_name" varchar(150) NOT NULL
);

CREATE TABLE IF NOT EXISTS "phone_auth_emailaddress" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "email" varchar(254) NOT NULL UNIQUE,
    "is_verified" bool NOT NULL,
    "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX IF NOT EXISTS "phone_auth_emailaddress_user_id_a18b6ae9"
    ON "phone_auth_emailaddress" ("user_id");

CREATE TABLE IF NOT EXISTS "phone_auth_phonenumber" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "phone" varchar(128) NOT NULL UNIQUE,
    "is_verified" bool NOT NULL,
    "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX IF NOT EXISTS "phone_auth_phonenumber_user_id_32500e94"
    ON "phone_auth_phonenumber" ("user_id");
