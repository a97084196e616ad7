package store

import (
	"context"
	"slices"

	"tollgate/internal/tenant"
)

// NounChange says which nouns of a customer, or of a company where Customer is 0, have changed.
type NounChange struct {
	Company  tenant.CompanyID
	Customer tenant.CustomerID
	Nouns    []tenant.Kind // each once
}

// mostChanges is how many audit entries ChangedNouns looks at; what an apply of more changed is
// told by its last ones.
const mostChanges = 5000

// ChangedNouns tells whose nouns were changed after an entry of the audit, and which the last
// entry is; after 0 only the latter.
func (s *Store) ChangedNouns(ctx context.Context, after int64) (list []NounChange, last int64, err error) {
	var rows []struct {
		ID         int64
		Noun       string
		CompanyID  int64
		CustomerID int64
	}
	if after == 0 {
		err = s.r.NewSelect().TableExpr("audit").ColumnExpr("COALESCE(MAX(id), 0)").Scan(ctx, &last)
		return nil, last, s.explain(err)
	}
	err = s.r.NewSelect().TableExpr("audit").ColumnExpr("id, noun, company_id, customer_id").
		Where("id > ?", after).OrderExpr("id DESC").Limit(mostChanges).Scan(ctx, &rows)
	if err != nil {
		return nil, after, s.explain(err)
	}
	last = after
	at := map[[2]int64]int{}
	for _, r := range rows {
		last = max(last, r.ID)
		key := [2]int64{r.CompanyID, r.CustomerID}
		i, known := at[key]
		if !known {
			i = len(list)
			at[key] = i
			list = append(list, NounChange{Company: tenant.CompanyID(r.CompanyID), Customer: tenant.CustomerID(r.CustomerID)})
		}
		if kind := tenant.Kind(r.Noun); !slices.Contains(list[i].Nouns, kind) {
			list[i].Nouns = append(list[i].Nouns, kind)
		}
	}
	return list, last, nil
}
