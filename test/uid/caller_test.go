//go:build linux

package uid

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// roleVar makes this test binary a caller: another process, another user.
const roleVar = "VAULTD_UID_CALLER"

func TestMain(m *testing.M) {
	if socket := os.Getenv(roleVar); socket != "" {
		serve := serveCalls
		switch os.Getenv(heirVar) {
		case "bequeath":
			serve = bequeath
		case "inherit":
			serve = inherit
		}
		if err := serve(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	rig.Main(m)
}

// call is one request, by the name of its method and in protobuf's JSON.
type call struct {
	Method  string
	Request json.RawMessage
}

// answer is what came back over each wire form.
type answer struct {
	Frame fault.Code // empty on success
	Text  string     // of the frame form's error
	HTTP  string     // of the HTTP form: status and body
	Code  string     // the stable code in the body's error detail, empty on success
	Reply json.RawMessage
}

func request(t *testing.T, method string, m proto.Message) call {
	t.Helper()
	b, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return call{method, b}
}

// as makes calls as another user.
func as(t *testing.T, who account, socket string, calls ...call) []answer {
	t.Helper()
	return stage{program: callerProgram(t)}.as(t, who, socket, calls...)
}

// stage is where a caller stands.
type stage struct {
	program string        // a copy of this test binary
	begun   func(pid int) // is told of the process before it connects; nil for nothing
}

// callerProgram is this test binary where every user may run it: the go tool's
// directory is closed to others.
func callerProgram(t *testing.T) string {
	t.Helper()
	open := filepath.Join(filepath.Dir(rig.Program(t, "vaultd")), "caller")
	if _, err := os.Stat(open); err != nil {
		copySelf(t, open)
	}
	return open
}

func copySelf(t *testing.T, path string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
}

func (s stage) as(t *testing.T, who account, socket string, calls ...call) []answer {
	t.Helper()
	in, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(rig.Context(t), s.program)
	child.Env = append(os.Environ(), roleVar+"="+socket)
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
	var stdout, stderr bytes.Buffer
	child.Stdout, child.Stderr = &stdout, &stderr
	calling, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if s.begun != nil {
		s.begun(child.Process.Pid)
	}
	_, err = calling.Write(in) // until when it has not connected
	err = errors.Join(err, calling.Close(), child.Wait())
	if err != nil {
		t.Fatalf("call as %s: %v: %s", who.name, err, &stderr)
	}
	var answers []answer
	if err := json.Unmarshal(stdout.Bytes(), &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

// serveCalls is the caller's side: it answers list after list of calls. It does
// not connect before the first: until then a test may move it.
func serveCalls(socket string) error {
	ctx := context.Background()
	dial := sync.OnceValues(func() (*client.Client, error) { return client.Dial(ctx, client.WithSocket(socket)) })
	web := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
	return eachList(func(a *answer, c call) error {
		frames, err := dial()
		if err != nil {
			return err
		}
		if err := a.overFrames(ctx, frames, c); err != nil {
			return err
		}
		return a.overHTTP(ctx, web, c)
	})
}

// eachList reads lists of calls until there are no more, and answers each.
func eachList(perform func(*answer, call) error) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var calls []call
		if err := in.Decode(&calls); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		answers := make([]answer, len(calls))
		for i, c := range calls {
			if err := perform(&answers[i], c); err != nil {
				return fmt.Errorf("%s: %w", c.Method, err)
			}
		}
		if err := out.Encode(answers); err != nil {
			return err
		}
	}
}

func (a *answer) overFrames(ctx context.Context, c *client.Client, call call) error {
	method := reflect.ValueOf(c).MethodByName(call.Method)
	if !method.IsValid() {
		return fmt.Errorf("the client has no such method")
	}
	req := reflect.New(method.Type().In(1).Elem())
	if err := protojson.Unmarshal(call.Request, req.Interface().(proto.Message)); err != nil {
		return err
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), req})
	if err, _ := out[1].Interface().(error); err != nil {
		a.Frame, a.Text = rig.Code(err), err.Error()
		return nil
	}
	var err error
	a.Reply, err = protojson.Marshal(out[0].Interface().(proto.Message))
	return err
}

func (a *answer) overHTTP(ctx context.Context, c *http.Client, call call) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://vaultd/vaultd.v1.VaultService/"+call.Method, bytes.NewReader(call.Request))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	a.HTTP = resp.Status + " " + string(body)
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var failure struct {
		Details []struct {
			Type  string
			Debug struct{ Code string }
		}
	}
	if err := json.Unmarshal(body, &failure); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	a.Code = "without a detail: " + a.HTTP
	for _, d := range failure.Details {
		if strings.HasSuffix(d.Type, "vaultd.v1.Error") {
			a.Code = d.Debug.Code
		}
	}
	return nil
}
