// Package login is what lets people into the panel, as far as it is arithmetic: passwords as
// Argon2id hashes (RFC 9106), how long guessing has to wait, second factors (TOTP, RFC 6238) and
// their recovery codes, passkeys (WebAuthn), the tokens of sessions and of one-time links, and when a session ends.
//
// It is not its job to keep any of it (package store), to know who may do what (package tenant), or
// to serve HTTP (package api). Phones and their digests are package auth's.
package login
