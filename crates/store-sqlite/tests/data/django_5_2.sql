-- What `sqlite3 .dump` says of a database that Django 5.2 and django-phone-auth 0.3.1 made by `migrate`, less
-- the tables of permissions and content types, after four people had been saved through its models.
BEGIN TRANSACTION;
CREATE TABLE "auth_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL, "last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL, "first_name" varchar(150) NOT NULL);
INSERT INTO "auth_user" VALUES(1,'pbkdf2_sha256$1000000$salt$Bob',NULL,0,'Bob','','Bob@Example.org',0,1,'2024-01-02 03:04:05','Bob');
INSERT INTO "auth_user" VALUES(2,'pbkdf2_sha256$1000000$salt$bob','2024-05-06 07:08:09',0,'bob','','',0,1,'2024-01-02 03:04:05.678901','Bob');
INSERT INTO "auth_user" VALUES(3,'pbkdf2_sha256$1000000$salt$Chef Ünal','2024-05-06 07:08:09.120000',1,'Chef Ünal','','boss@example.org',1,1,'2024-02-02 03:04:05.000001','Chef Ünal');
INSERT INTO "auth_user" VALUES(4,'pbkdf2_sha256$1000000$salt$off',NULL,0,'off','','',0,0,'2024-02-02 03:04:05.000001','Off');
CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL);
CREATE TABLE "phone_auth_emailaddress" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "email" varchar(254) NOT NULL UNIQUE, "is_verified" bool NOT NULL, "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "phone_auth_emailaddress" VALUES(1,'Bob@Example.org',1,1);
INSERT INTO "phone_auth_emailaddress" VALUES(2,'bob@example.org',0,2);
CREATE TABLE "phone_auth_phonenumber" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "phone" varchar(128) NOT NULL UNIQUE, "is_verified" bool NOT NULL, "user_id" integer NOT NULL REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "phone_auth_phonenumber" VALUES(1,'+919876543210',1,1);
INSERT INTO "phone_auth_phonenumber" VALUES(2,'+919876543211',0,2);
CREATE INDEX "phone_auth_phonenumber_user_id_32500e94" ON "phone_auth_phonenumber" ("user_id");
CREATE INDEX "phone_auth_emailaddress_user_id_a18b6ae9" ON "phone_auth_emailaddress" ("user_id");
CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date");
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('auth_user',4);
INSERT INTO "sqlite_sequence" VALUES('phone_auth_emailaddress',2);
INSERT INTO "sqlite_sequence" VALUES('phone_auth_phonenumber',2);
COMMIT;
