package policy

// ItalianPhrases is the table, for the test that holds it against the source.
func ItalianPhrases() map[string]string { return italianPhrases }

// ItalianFaults is the table of what is wrong with forms, for the same.
func ItalianFaults() map[string]string { return italianFaults }
