//go:build unix

package guess

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// The test binary is its own attacker: with this variable set it guesses at that
// socket until its standard input is closed, and prints what it was answered.
const attackVar = "VAULTD_TEST_GUESS_AT"

const (
	processes   = 3
	connections = 8 // of each
)

func TestMain(m *testing.M) {
	if socket := os.Getenv(attackVar); socket != "" {
		attack(socket)
		return
	}
	rig.Main(m)
}

// attack guesses on many connections, as fast as it is let.
func attack(socket string) {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		_, _ = os.Stdin.Read(make([]byte, 1)) // until it is closed
	}()
	var mu sync.Mutex
	answers := map[fault.Code]int{}
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				code := guess(ctx, socket, fmt.Sprintf("guess %d of %d on %d", n, os.Getpid(), i))
				mu.Lock()
				answers[code]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	_ = json.NewEncoder(os.Stdout).Encode(answers)
}

// guess tries one password on a connection of its own.
func guess(ctx context.Context, socket, password string) fault.Code {
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := client.Dial(limit, client.WithSocket(socket))
	if err == nil {
		_, err = c.Unseal(limit, &vaultdv1.UnsealRequest{Password: []byte(password)})
		_ = c.Close()
	}
	var e *fault.Error
	switch {
	case err == nil:
		return "opened"
	case errors.As(err, &e):
		if e.Code == fault.CodeUnreachable {
			time.Sleep(5 * time.Millisecond) // the daemon is being started
		}
		return e.Code
	}
	return "no answer"
}

// allowed is how many guesses the documented back-off leaves to who guesses the
// moment that it may, for so long.
func allowed(d time.Duration) (n int) {
	th := quota.NewThrottle(quota.Passwords)
	start := time.Now()
	for now := start; !now.After(start.Add(d)); {
		_, wait, ok := th.Begin("unseal", now)
		if ok {
			n++
		}
		now = now.Add(wait)
	}
	return n
}

// counted is how many wrong guesses the daemon has on disk.
func counted(t *testing.T, h rig.Home) int {
	t.Helper()
	b, err := os.ReadFile(h.Anchor + ".guesses")
	if err != nil {
		t.Fatal(err)
	}
	var subjects map[string]struct{ Wrong int }
	if err := json.Unmarshal(b, &subjects); err != nil {
		t.Fatal(err)
	}
	return subjects["unseal"].Wrong
}

func TestGuessingStaysUnderTheDocumentedRate(t *testing.T) {
	h := rig.NewHome(t, t.TempDir())
	d := rig.MustStart(t, h)
	d.Init(t)
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	d = rig.MustStart(t, h)

	began := time.Now()
	collect := attackers(t, h.Socket())
	rounds := 8
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		time.Sleep(1200 * time.Millisecond) // guesses go on in this time
		if round%2 == 0 {
			d.Kill() // many a time in the middle of a guess
		} else if err := d.Stop(); err != nil {
			t.Fatal(err)
		}
		d = rig.MustStart(t, h)
	}
	answers := collect()
	most := allowed(time.Since(began))
	t.Logf("in %v: %v, %d on disk, at most %d", time.Since(began).Round(time.Millisecond), answers, counted(t, h), most)
	if n := answers[fault.CodeWrongPassword]; n > most || n < quota.Passwords.Free {
		t.Errorf("%d guesses were checked and answered; the documented back-off leaves %d", n, most)
	}
	if n := counted(t, h); n > most || n < answers[fault.CodeWrongPassword] {
		t.Errorf("%d guesses are counted, %d were answered, the documented back-off leaves %d", n, answers[fault.CodeWrongPassword], most)
	}
	if n := answers[fault.CodeUnlockThrottled]; n < 10*most {
		t.Errorf("only %d guesses were refused: this is no attack", n)
	}
	if answers["opened"] > 0 {
		t.Error("a guess opened the vault")
	}

	// The owner of the password waits as told, and then comes in.
	err := d.Unseal(rig.Context(t), rig.Password)
	if e := (*fault.Error)(nil); !errors.As(err, &e) || e.Code != fault.CodeUnlockThrottled || !strings.HasPrefix(e.Hint, "try again in ") {
		t.Fatalf("while guesses are slowed down: %v", err)
	}
	ctl := exec.Command(rig.Program(t, "vaultctl"), "unseal", "--password-file", passwordFile(t))
	ctl.Env = h.Env()
	if out, err := ctl.CombinedOutput(); err == nil || !strings.Contains(string(out), "try again in ") {
		t.Errorf("vaultctl unseal does not tell the wait: %v: %s", err, out)
	}
	for end := time.Now().Add(rig.Deadline); err != nil; {
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != fault.CodeUnlockThrottled || time.Now().After(end) {
			t.Fatalf("the right password after the wait: %v", err)
		}
		time.Sleep(200 * time.Millisecond)
		err = d.Unseal(rig.Context(t), rig.Password)
	}
	if n := counted(t, h); n != 0 {
		t.Errorf("%d wrong guesses are counted after the right one", n)
	}
}

func passwordFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(rig.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// attackers start, and end when the function returned is called, which adds up
// what they were answered.
func attackers(t *testing.T, socket string) (collect func() map[fault.Code]int) {
	t.Helper()
	type attacker struct {
		cmd *exec.Cmd
		end func() error
		out *strings.Builder
	}
	all := make([]attacker, processes)
	for i := range all {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), attackVar+"="+socket)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out := &strings.Builder{}
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it may be gone already
		all[i] = attacker{cmd, in.Close, out}
	}
	return func() map[fault.Code]int {
		sum := map[fault.Code]int{}
		for _, a := range all {
			answers := map[fault.Code]int{}
			if err := errors.Join(a.end(), a.cmd.Wait(), json.Unmarshal([]byte(a.out.String()), &answers)); err != nil {
				t.Fatal(err)
			}
			for code, n := range answers {
				sum[code] += n
			}
		}
		return sum
	}
}
