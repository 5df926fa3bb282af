package config

import (
	"log/slog"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Somebody who adds a setting has to decide when it takes effect.
func TestEverySettingHasAnEffect(t *testing.T) {
	left := map[string]bool{}
	for name := range effects {
		left[name] = true
	}
	System().each(System(), func(section, key string, _, _ reflect.Value) {
		name := section + "." + key
		if !left[name] {
			t.Errorf("%s is neither live nor does it need a restart", name)
		}
		delete(left, name)
	})
	for name := range left {
		t.Errorf("%s is no setting", name)
	}
}

func TestDifferencesAndWhatIsTakenOver(t *testing.T) {
	before, next := System(), System()
	next.Store.Dir, next.Log.Level, next.Log.Format = "/elsewhere", slog.LevelDebug, FormatJSON
	next.Limits.Connections, next.Access.AdminGroups = 77, []string{"wheel"}
	live, restart := next.Differences(before)
	if diff := cmp.Diff([]string{"[access] admin_groups", "[limits] connections", "[log] level"}, live); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"[store] dir", "[log] format"}, restart); diff != "" {
		t.Error(diff)
	}
	got := before.WithLive(next)
	want := System()
	want.Log.Level, want.Limits.Connections, want.Access.AdminGroups = slog.LevelDebug, 77, []string{"wheel"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(System(), before); diff != "" {
		t.Error("the one before changed:", diff)
	}
	if live, restart := got.Differences(got); live != nil || restart != nil {
		t.Errorf("no difference: %v, %v", live, restart)
	}
}
