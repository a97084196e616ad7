PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY NOT NULL,
    username VARCHAR(64) DEFAULT '' NOT NULL,
    domain VARCHAR(64) DEFAULT '' NOT NULL,
    password VARCHAR(64) DEFAULT '' NOT NULL,
    ha1 VARCHAR(128) DEFAULT '' NOT NULL,
    ha1b VARCHAR(128) DEFAULT '' NOT NULL,
    CONSTRAINT subscriber_account_idx UNIQUE (username, domain)
);
INSERT INTO subscriber VALUES(1,'1001','acme.example','Correct-Horse-1','','');
INSERT INTO subscriber VALUES(2,'1002','acme.example','It''s \ a "horse"','','');
INSERT INTO subscriber VALUES(3,'1003','acme.example','','HA1','');
CREATE INDEX subscriber_username_idx ON subscriber (username);
COMMIT;
