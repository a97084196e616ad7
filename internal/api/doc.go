// Package api serves Tollgate's HTTP API: the nouns of package tenant, the live calls, the file
// of tenants, and what explains a decision. Every operation has a principal (an API key, or the
// node's own unix socket) and works within that principal's scope; what belongs to another tenant
// is 404, as if it were not there. Errors are problem+json (RFC 9457) and never repeat what was
// sent; the description is OpenAPI 3.1.
//
// It is not its job to open sockets (package edge), to keep the nouns (package store), to say
// what is right (package tenant), or to know SIP.
package api
