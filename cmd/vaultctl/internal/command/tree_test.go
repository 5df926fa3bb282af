package command

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

func tree() *cobra.Command {
	a := &app{getenv: os.Getenv, print: &render.Printer{}, ask: &prompt.Asker{}}
	root := a.root()
	root.InitDefaultHelpFlag()
	return root
}

func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, visit)
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	walk(tree(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) > 64 {
			t.Errorf("%s: short help %q", path, cmd.Short)
		}
		if cmd.Name() == "help" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return // cobra's own, with the examples in the long help
		}
		if cmd.Long == "" {
			t.Errorf("%s has no long help", path)
		}
		if cmd.Example == "" && !cmd.HasSubCommands() && cmd.Runnable() {
			t.Errorf("%s has no example", path)
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if len([]rune(strings.TrimSuffix(line, "\n"))) > 100 {
				t.Errorf("%s: a line of the help is long: %s", path, line)
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || f.Usage[0] >= 'A' && f.Usage[0] <= 'Z' && !strings.HasPrefix(f.Usage, "RSA") && !strings.HasPrefix(f.Usage, "PBKDF2") && !strings.HasPrefix(f.Usage, "HKDF") {
				t.Errorf("%s --%s: help %q", path, f.Name, f.Usage)
			}
		})
	})
}

// What the help shows can be typed: the command exists, takes that many
// arguments and knows the flags.
func TestExamplesParse(t *testing.T) {
	walk(tree(), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			for _, words := range invocations(line) {
				root := tree()
				found, args, err := root.Find(words)
				if err != nil {
					t.Errorf("%s: %q: %v", cmd.CommandPath(), words, err)
					continue
				}
				found.InitDefaultHelpFlag()
				if err := found.ParseFlags(args); err != nil {
					t.Errorf("%s: %q: %v", cmd.CommandPath(), words, err)
				} else if help, _ := found.Flags().GetBool("help"); help {
					continue
				} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
					t.Errorf("%s: %q: %v", cmd.CommandPath(), words, err)
				}
			}
		}
	})
}

// invocations are the words after each "vaultctl" of a shell line.
func invocations(line string) (all [][]string) {
	line, _, _ = strings.Cut(line, " #")
	if strings.HasPrefix(strings.TrimSpace(line), "#") {
		return nil
	}
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(line, "||", "|"), func(r rune) bool { return r == '|' || r == '&' || r == ';' }) {
		i := strings.Index(part, "vaultctl ")
		if i < 0 {
			continue
		}
		var words []string
		quoted := ""
		for _, w := range strings.Fields(part[i:])[1:] {
			switch {
			case quoted != "":
				quoted += " " + w
				if strings.HasSuffix(w, `"`) {
					words, quoted = append(words, strings.Trim(quoted, `"`)), ""
				}
			case strings.HasPrefix(w, `"`) && !strings.HasSuffix(w, `"`):
				quoted = w
			case strings.ContainsAny(w[:1], "<>") || w == "3<":
				goto done // redirections come last
			default:
				words = append(words, strings.Trim(w, `"`))
			}
		}
	done:
		all = append(all, words)
	}
	return all
}

func TestInvocations(t *testing.T) {
	got := invocations(`  echo hi | vaultctl encrypt session --in "a b" > x && vaultctl status || vaultctl init  # now`)
	want := [][]string{{"encrypt", "session", "--in", "a b"}, {"status"}, {"init"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Secrets have no flag that takes them by value.
func TestNoFlagTakesASecret(t *testing.T) {
	walk(tree(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			for _, word := range []string{"password", "passphrase", "secret"} {
				if strings.Contains(f.Name, word) && !strings.HasSuffix(f.Name, "-file") && !strings.HasSuffix(f.Name, "-fd") {
					t.Errorf("%s --%s", cmd.CommandPath(), f.Name)
				}
			}
		})
	})
}

func TestCompletionKnowsEveryType(t *testing.T) {
	var known []string
	for _, kt := range keytype.All() {
		known = append(known, kt.Name)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(known)), slices.Sorted(slices.Values(keyTypes))); diff != "" {
		t.Error(diff)
	}
}

// A command exists for every method of the service.
func TestEveryMethodHasACommand(t *testing.T) {
	commands := map[string]string{
		"STATUS": "status", "INIT": "init", "UNSEAL": "unseal", "SEAL": "seal", "CHANGE_PASSWORD": "password change",
		"ADD_SLOT": "slot add", "LIST_SLOTS": "slot list", "REMOVE_SLOT": "slot remove",
		"ENTER_SHARE": "unseal", "RESET_SHARES": "unseal",
		"BEGIN_BACKUP": "backup", "READ_BACKUP": "backup", "CHECK": "check", "LIST_BACKUPS": "backup list",
		"CREATE_KEY": "key create", "SHOW_KEY": "key show", "LIST_KEYS": "key list", "PUBLIC_KEY": "key public", "ROTATE_KEY": "key rotate",
		"IMPORT_KEY": "key import", "EXPORT_KEY": "key export", "DESTROY_KEY": "key destroy", "REVOKE_KEY": "key revoke",
		"SUSPEND_KEY": "key suspend", "RESUME_KEY": "key resume", "UPDATE_KEY": "key update", "TRIM_KEY": "key trim",
		"CANCEL_DESTRUCTION": "key cancel-destruction", "KEY_STATES": "key states", "SCRUB": "scrub",
		"SET_ALIAS": "alias set", "LIST_ALIASES": "alias list", "REMOVE_ALIAS": "alias remove",
		"REWRAP": "rewrap", "GENERATE_DATA_KEY": "datakey", "RANDOM": "random", "DERIVE": "derive", "BATCH": "batch",
		"FORGET": "forget", "KEY_CENSUS": "key census",
		"ENCRYPT": "encrypt", "DECRYPT": "decrypt", "SIGN": "sign", "VERIFY": "verify", "MAC": "mac", "VERIFY_MAC": "mac verify", "AGREE": "agree", "ENCAPSULATE": "encapsulate", "DECAPSULATE": "decapsulate",
		"CREATE_CSR": "key csr", "CREATE_CERTIFICATE": "key cert", "WRAP_KEY": "key wrap", "UNWRAP_KEY": "key unwrap",
		"OFFER_EXCHANGE": "exchange offer", "ACCEPT_EXCHANGE": "exchange accept", "FINISH_EXCHANGE": "exchange finish",
		"CREATE_OWNER": "owner create", "SHOW_OWNER": "owner show", "LIST_OWNERS": "owner list", "REVOKE_OWNER": "owner revoke", "REINSTATE_OWNER": "owner reinstate",
		"LIST_REVOCATIONS": "revocation list", "CHECK_REVOCATION": "revocation check",
		"WHO_AM_I": "whoami", "CAN": "can", "EXPLAIN": "explain",
		"ADD_GRANT": "grant add", "SHOW_GRANT": "grant show", "LIST_GRANTS": "grant list", "REMOVE_GRANT": "grant remove",
		"LIST_PRINCIPALS": "principal list", "ADOPT_PRINCIPAL": "principal adopt", "RETIRE_PRINCIPAL": "principal retire",
		"LIST_APPROVALS": "approval list", "AWAIT_APPROVAL": "approval approve", "APPROVE": "approval approve", "REJECT": "approval reject",
		"READ_EVENTS": "events", "READ_AUDIT": "audit tail", "CHECKPOINT_AUDIT": "audit checkpoint", "PROVE_AUDIT": "audit prove",
	}
	root := tree()
	for n, name := range vaultdv1.Method_name {
		if n == 0 {
			continue
		}
		path, known := commands[strings.TrimPrefix(name, "METHOD_")]
		if !known {
			t.Errorf("%s has no command", name)
			continue
		}
		if cmd, rest, err := root.Find(strings.Fields(path)); err != nil || len(rest) > 0 || cmd.CommandPath() != "vaultctl "+path {
			t.Errorf("%s: no command %q", name, path)
		}
	}
}

func TestUsesInHelpAreTheServices(t *testing.T) {
	cmd, _, err := tree().Find([]string{"key", "create"})
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range parse.UseNames() {
		if !strings.Contains(cmd.Flags().Lookup("use").Usage, use) {
			t.Errorf("the help of --use leaves out %s", use)
		}
	}
}
