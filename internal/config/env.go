package config

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

const envPrefix = "TOLLGATE_"

// environment reads the variables over what the file said.
func (r *reader) environment(environ []string) {
	for _, line := range environ {
		name, s, _ := strings.Cut(line, "=")
		if !strings.HasPrefix(name, envPrefix) || s == "" && !r.mayBeEmpty(name) {
			continue
		}
		r.inEnv = name
		r.variable(name, s)
		r.inEnv = ""
	}
	slices.Sort(r.node.Unknown)
}

// mayBeEmpty: an empty variable is one that is not set, but for those whose "" says something.
func (r *reader) mayBeEmpty(name string) bool {
	switch name {
	case "TOLLGATE_HTTP_LISTEN", "TOLLGATE_HTTP_METRICS":
		return true
	}
	return false
}

func (r *reader) variable(name, s string) {
	switch name {
	case "TOLLGATE_CONFIG", "TOLLGATE_SERVER", "TOLLGATE_TOKEN": // the command line's
		return
	case "TOLLGATE_SECRET_KEY":
		r.secretKey(s)
		return
	case "TOLLGATE_KERNEL":
		r.oneOf(&r.node.Media.KernelWay, "", value{kind: text, text: s, env: true}, "clsact")
		return
	case "TOLLGATE_TEST_LIVE":
		r.oneOf(&r.node.Test.Live, "", value{kind: text, text: s, env: true}, "memory", "delayed")
		return
	case "TOLLGATE_TEST_KEEPALIVE":
		r.node.Test.Keepalive = r.testTime(s)
		return
	case "TOLLGATE_TEST_MEDIA_TIMEOUT":
		r.node.Test.MediaTimeout = r.testTime(s)
		return
	case "TOLLGATE_TEST_BAN":
		r.node.Test.Ban = r.testTime(s)
		return
	}
	for i := range r.settings {
		if set := &r.settings[i]; set.env() == name {
			v, fault := parseEnv(s, set.list)
			if fault != nil {
				r.fault("", v, fault.Message, fault.Want)
				return
			}
			set.read(r, set.key, v)
			return
		}
	}
	r.node.Unknown = append(r.node.Unknown, name)
}

// testTime reads a time above 0.
func (r *reader) testTime(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		r.fault("", value{}, quote(s)+" is not a time", "such as 2s")
	}
	return d
}

// secretKey never shows what it was given.
func (r *reader) secretKey(s string) {
	key, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(key) != 32 {
		r.fault("", value{}, "is not a key", "64 hex digits, such as `openssl rand -hex 32` prints")
		return
	}
	r.node.SecretKey = key
}

// Variables lists the environment variables that set node.yaml's keys, in order of the file.
func Variables() []string {
	var n Node
	list := settings(&n)
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].env()
	}
	return names
}
