// Package values sends a node what may harm a database, a browser, a terminal, a spreadsheet or a
// log, in every header of every kind of request, and looks at everything that shows it afterwards: each list
// in each form, exports, traces, the log.
//
// Whether a rule finds such values is package wall's.
package values

import (
	"os"
	"testing"

	"tollgate/test/harness"
)

func TestMain(m *testing.M) {
	if harness.Control() {
		os.Exit(0) // a plain proxy shows nothing
	}
	harness.Main(m)
}
