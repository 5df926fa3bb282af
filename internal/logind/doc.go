// Package logind hears from systemd-logind, over the system's D-Bus, when the
// machine goes to sleep, when a user's last session ends and when one is locked
// (org.freedesktop.login1(5)). It believes nobody but the owner of logind's name on
// the bus, and asks logind for nothing but to be waited for before sleep.
package logind
