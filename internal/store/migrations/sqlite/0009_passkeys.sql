-- +goose Up
-- Passkeys of panel users (WebAuthn): what proves an answer, nothing that could make one. Bytes are
-- base64url, times are microseconds; used is 0 before the first log-in.
CREATE TABLE user_passkeys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BIGINT  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential TEXT    NOT NULL UNIQUE,
    public_key TEXT    NOT NULL,
    host       TEXT    NOT NULL,
    sign_count BIGINT  NOT NULL,
    flags      BIGINT  NOT NULL,
    name       TEXT    NOT NULL,
    added      BIGINT  NOT NULL,
    used       BIGINT  NOT NULL
);
CREATE INDEX user_passkeys_user ON user_passkeys (user_id);

-- By which name authenticators know a user: chance, so that it says nothing of him.
CREATE TABLE user_handles (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    handle  TEXT   NOT NULL UNIQUE
);
