//go:build linux

package uid

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// heirVar makes a caller pass its connection on to another process of its user.
const heirVar = "VAULTD_UID_HEIR"

// bequeath connects, starts an heir that has the connection, and waits to be ended.
func bequeath(socket string) error {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	f, err := c.(*net.UnixConn).File()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	heir := exec.Command(self)
	heir.Env = append(os.Environ(), heirVar+"=inherit")
	heir.Stdin, heir.Stdout, heir.Stderr = os.Stdin, os.Stdout, os.Stderr
	heir.ExtraFiles = []*os.File{f}
	if err := heir.Start(); err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	return nil
}

// inherit makes calls over the connection that another process made.
func inherit(string) error {
	f := os.NewFile(3, "connection")
	c, err := net.FileConn(f)
	if err != nil {
		return err
	}
	_ = f.Close()
	web := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return c, nil
	}}}
	return eachList(func(a *answer, call call) error { return a.overHTTP(context.Background(), web, call) })
}
