package policy

// ItalianPhrases is the table, for the test that holds it against the source.
func ItalianPhrases() map[string]string { return italianPhrases }
