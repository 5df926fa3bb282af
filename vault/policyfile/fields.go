package policyfile

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vaultd/vaultd/vault/policy"
)

// field sets one field of a grant from its value, or says what it wants.
type field func(*policy.Grant, any) error

// fields are the keys of a grant in a file.
var fields = map[string]field{
	"name": text(func(g *policy.Grant) *string { return &g.Name }),
	"effect": func(g *policy.Grant, v any) error {
		s, ok := v.(string)
		if !ok || s != string(policy.Allow) && s != string(policy.Deny) {
			return errors.New(`wants "allow" or "deny"`)
		}
		g.Effect = policy.Effect(s)
		return nil
	},

	"any_user":  flag(func(g *policy.Grant) *bool { return &g.AnyUser }),
	"user":      text(func(g *policy.Grant) *string { return &g.User }),
	"uid":       number(func(g *policy.Grant) **uint32 { return &g.UID }),
	"group":     text(func(g *policy.Grant) *string { return &g.Group }),
	"gid":       number(func(g *policy.Grant) **uint32 { return &g.GID }),
	"unit":      text(func(g *policy.Grant) *string { return &g.Unit }),
	"user_unit": text(func(g *policy.Grant) *string { return &g.UserUnit }),
	"exe":       text(func(g *policy.Grant) *string { return &g.Exe }),
	"label":     text(func(g *policy.Grant) *string { return &g.Label }),

	"verbs":  list(func(g *policy.Grant) *[]string { return &g.Verbs }),
	"keys":   list(func(g *policy.Grant) *[]string { return &g.Keys }),
	"labels": list(func(g *policy.Grant) *[]string { return &g.Labels }),
	"types":  list(func(g *policy.Grant) *[]string { return &g.Types }),

	"context":    list(func(g *policy.Grant) *[]string { return &g.Context }),
	"not_before": moment(func(g *policy.Grant) *time.Time { return &g.NotBefore }),
	"not_after":  moment(func(g *policy.Grant) *time.Time { return &g.NotAfter }),
	"uses": func(g *policy.Grant, v any) error {
		n, ok := v.(int64)
		if !ok || n < 1 || n > math.MaxUint32 {
			return errors.New("wants a whole number, 1 or more")
		}
		g.Uses = uint32(n)
		return nil
	},
	"per": func(g *policy.Grant, v any) error {
		s, _ := v.(string)
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return errors.New(`wants a duration in quotes, such as "1h"`)
		}
		g.Per = d
		return nil
	},
	"total_uses": func(g *policy.Grant, v any) error {
		n, ok := v.(int64)
		if !ok || n < 1 {
			return errors.New("wants a whole number, 1 or more")
		}
		g.TotalUses = uint64(n)
		return nil
	},
	"four_eyes": flag(func(g *policy.Grant) *bool { return &g.FourEyes }),
}

// fieldNames are the keys in the order in which a person would write them.
var fieldNames = []string{
	"name", "effect", "any_user", "user", "uid", "group", "gid", "unit", "user_unit", "exe", "label",
	"verbs", "keys", "labels", "types",
	"context", "not_before", "not_after", "uses", "per", "total_uses", "four_eyes",
}

func text(of func(*policy.Grant) *string) field {
	return func(g *policy.Grant, v any) error {
		s, ok := v.(string)
		if !ok || s == "" {
			return errors.New("wants a text in quotes, and not an empty one")
		}
		*of(g) = s
		return nil
	}
}

func flag(of func(*policy.Grant) *bool) field {
	return func(g *policy.Grant, v any) error {
		b, ok := v.(bool)
		if !ok {
			return errors.New("wants true or false")
		}
		*of(g) = b
		return nil
	}
}

// number reads a uid or gid. The highest number means "none" to the kernel.
func number(of func(*policy.Grant) **uint32) field {
	return func(g *policy.Grant, v any) error {
		n, ok := v.(int64)
		if !ok || n < 0 || n >= math.MaxUint32 {
			return fmt.Errorf("wants a number from 0 to %d, without quotes", uint32(math.MaxUint32-1))
		}
		id := uint32(n)
		*of(g) = &id
		return nil
	}
}

func list(of func(*policy.Grant) *[]string) field {
	return func(g *policy.Grant, v any) error {
		wants := errors.New(`wants a list of texts that is not empty, such as ["alice/*"]`)
		all, ok := v.([]any)
		if !ok || len(all) == 0 {
			return wants
		}
		for _, v := range all {
			s, ok := v.(string)
			if !ok || s == "" {
				return wants
			}
			*of(g) = append(*of(g), s)
		}
		return nil
	}
}

// moment reads a date and time with a zone. One without would mean another
// moment on another machine.
func moment(of func(*policy.Grant) *time.Time) field {
	return func(g *policy.Grant, v any) error {
		t, ok := v.(time.Time)
		switch {
		case !ok:
			return errors.New("wants a date and time without quotes, such as 2027-01-31T00:00:00Z")
		case localNames[t.Location().String()]:
			return errors.New("wants a date with time and zone, such as 2027-01-31T00:00:00Z")
		case t.IsZero():
			return errors.New("wants a later date")
		}
		*of(g) = t.UTC()
		return nil
	}
}

// localNames are how the library marks times that were written without a zone.
var localNames = map[string]bool{"datetime-local": true, "date-local": true, "time-local": true}
