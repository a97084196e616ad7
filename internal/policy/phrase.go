package policy

import (
	"fmt"
	"strings"
)

// Phrase is a text of which people read what a step found, in English and as package fmt has it. Each
// one that the program holds has its row in phrase_it.go; a test finds what has none.
type Phrase string

// Say gives a phrase in a language.
func (l Language) Say(p Phrase, args ...any) string {
	format := string(p)
	if l == Italian && italianPhrases[format] != "" {
		format = italianPhrases[format]
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// Retell gives a text that was kept in English: a fixed one, such as the reason phrase of a malformed
// message, or how much of how much, "invite 10 of 10". Any other stays as it is.
func (l Language) Retell(text string) string {
	if l != Italian {
		return text
	}
	if kept := italianKept[text]; kept != "" {
		return kept
	}
	if what := strings.Fields(text); len(what) == 4 && what[2] == "of" && what[0] == strings.ToLower(what[0]) && allDigits([]byte(what[1]+what[3])) {
		return strings.Replace(text, " of ", " di ", 1)
	}
	return text
}
