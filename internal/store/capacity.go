package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tollgate/internal/tenant"
)

// limitedProfiles are the SIP profiles with a capacity whose sum of channels may have grown, each
// with the customers whose SIP users changed. The users of one profile may be of several
// customers, so that tenant.CheckAccount, which sees one, cannot judge them.
type limitedProfiles map[tenant.ProfileID]*limitedProfile

type limitedProfile struct {
	tenant.SIPProfile
	changed []tenant.CustomerID
}

// learn notes the profiles of an account that was touched.
func (l limitedProfiles) learn(t *Tx, a *tenant.Account) {
	users := t.touched.usersChanged[a.Customer.ID]
	for i := range a.Profiles {
		p := &a.Profiles[i]
		_, changed := t.touched.profilesChanged[p.ID]
		if p.Capacity == 0 || !users && !changed {
			continue
		}
		if l[p.ID] == nil {
			l[p.ID] = &limitedProfile{SIPProfile: *p}
		}
		if users {
			l[p.ID].changed = append(l[p.ID].changed, a.Customer.ID)
		}
	}
}

// judge gives the check of all that was learnt: the channels of a profile's SIP users fit into its
// capacity (mission row K1, for a profile).
func (l limitedProfiles) judge(t *Tx) func(context.Context) (tenant.Faults, error) {
	return func(ctx context.Context) (tenant.Faults, error) {
		var faults tenant.Faults
		for _, p := range l {
			list, sum, err := t.profileTakers(ctx, &p.SIPProfile)
			if err != nil {
				return nil, err
			}
			if sum > p.Capacity {
				faults = append(faults, p.full(t, list, sum)...)
			}
		}
		slices.SortFunc(faults, func(a, b *tenant.Fault) int { return cmp.Compare(a.Want, b.Want) })
		return faults, nil
	}
}

// full words the faults by what was done: they are of the users who take more, each who no longer fits, or of the profile
// that gives less.
func (p *limitedProfile) full(t *Tx, list []profileTaker, sum int) tenant.Faults {
	f := tenant.Fault{
		Code: tenant.CodeNoCapacity, Noun: tenant.KindSIPUser, Field: "channels", Message: tenant.NoChannelCapacity,
		Want: fmt.Sprintf("at most %d channels for all users of the SIP profile %q together", p.Capacity, p.Name),
	}
	if len(p.changed) > 0 {
		f.Owner = p.changed[0]
		if unfit := p.unfit(t, list, f); len(unfit) > 0 {
			return unfit
		}
		return tenant.Faults{&f}
	}
	f.Noun, f.Name = tenant.KindProfile, p.Name
	if t.touched.profilesChanged[p.ID] { // only who may change a profile, and so sees all customers of its company, is told their users
		f.Field, f.Want = "capacity", "a higher capacity, or fewer channels for them first"
		f.Message = fmt.Sprintf("%d is below the %d channels of its SIP users: %s", p.Capacity, sum, takersText(list))
	}
	return tenant.Faults{&f}
}

// unfit gives a fault for each user who was written and does not fit, the oldest first: who does takes his channels, who does
// not leaves them to those after him. Whoever was not written has his.
func (p *limitedProfile) unfit(t *Tx, list []profileTaker, f tenant.Fault) (faults tenant.Faults) {
	written := map[int64]tenant.CustomerID{}
	for i := range t.audit {
		if e := &t.audit[i]; e.Noun == tenant.KindSIPUser {
			written[e.NounID] = e.Customer
		}
	}
	room := p.Capacity
	for _, u := range list {
		if _, ok := written[u.id]; !ok {
			room -= u.channels
		}
	}
	for _, u := range list {
		owner, ok := written[u.id]
		switch {
		case !ok:
		case u.channels <= room:
			room -= u.channels
		default:
			one := f
			one.Name, one.Owner = u.username, owner
			faults = append(faults, &one)
		}
	}
	return faults
}

// profileTaker is a SIP user, and what he takes of his profile's capacity.
type profileTaker struct {
	id                 int64
	username, customer string
	channels           int
}

// profileTakers gives the SIP users of a profile, whosever they are, the oldest first, and the sum of their channels.
func (t *Tx) profileTakers(ctx context.Context, p *tenant.SIPProfile) (list []profileTaker, sum int, err error) {
	var rows []struct {
		ID             int64
		Body, Customer string
	}
	err = t.db.NewSelect().TableExpr("sip_users AS u").Join("JOIN customers AS c ON c.id = u.customer_id").
		ColumnExpr("u.id, u.body, c.natural_key AS customer").Where("u.profile_id = ?", int64(p.ID)).OrderExpr("u.id").Scan(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("the users of SIP profile %d: %w", p.ID, err)
	}
	list = make([]profileTaker, len(rows))
	for i, r := range rows {
		var u tenant.SIPUser
		if err := json.Unmarshal([]byte(r.Body), &u); err != nil {
			return nil, 0, fmt.Errorf("a user of SIP profile %d: %w", p.ID, err)
		}
		list[i] = profileTaker{r.ID, u.Username, r.Customer, u.EffectiveChannels(p, 0)}
		sum += list[i].channels
	}
	return list, sum, nil
}

// takersText names those who take most, and how many more there are.
func takersText(list []profileTaker) string {
	const most = 20
	slices.SortStableFunc(list, func(a, b profileTaker) int { return b.channels - a.channels })
	var names []string
	for i, u := range list {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s of %s (%d)", u.username, u.customer, u.channels))
	}
	return strings.Join(names, ", ")
}
