-- +goose Up
-- What the identifiers in our Record-Route, Contact and Call-ID are keyed with, sealed. Id 0 is the
-- root, which never changes; 1 to 255 are the keys that are rotated.
CREATE TABLE identifier_keys (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 255),
    sealed     TEXT    NOT NULL,
    created_at BIGINT  NOT NULL
);
